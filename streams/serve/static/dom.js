// The only way that this page makes elements. Children that are strings become text nodes, never markup.

export const $ = (id) => document.getElementById(id);

export function el(tag, props, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") node.className = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export function svg(tag, props, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(props)) node.setAttribute(name, String(value));
  node.append(...children);
  return node;
}

// Replaces what is in a node, but only when it would differ: focus, selection and open parts stay.
export function fill(node, signature, make) {
  const text = JSON.stringify(signature);
  if (node.dataset.shown === text) return;
  const focused = node.contains(document.activeElement) ? document.activeElement.dataset.focus : null;
  node.replaceChildren(...[make()].flat(Infinity).filter((child) => child !== null && child !== undefined));
  node.dataset.shown = text;
  if (focused) [...node.querySelectorAll("[data-focus]")].find((other) => other.dataset.focus === focused)?.focus();
}
