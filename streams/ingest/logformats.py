"""The log formats that we know by sight, most particular first.

A pattern's groups: time, level, host, component, pid, thread, message. Each starts at the line's start, and of two
repeats that can take the same characters one is bounded, so that no line can make it slow.
"""

# ruff: noqa: E501 - a pattern reads best in one line
import re
from typing import Final

import msgspec

ISO: Final = r"(?P<time>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?: ?(?:Z|[+-]\d\d:?\d\d))?)"
LEVEL: Final = (
    r"(?P<level>TRACE|DEBUG|FINE|FINER|FINEST|CONFIG|INFO|INFORMATION|NOTICE|WARN|WARNING|ERROR|ERR|SEVERE|CRITICAL|CRIT"
    r"|FATAL|ALERT|EMERG|PANIC)"
)
SYSLOG_TIME: Final = r"(?P<time>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d)"

LEVELS: Final = {
    **dict.fromkeys(("trace", "debug", "fine", "finer", "finest", "d", "t"), "debug"),
    **dict.fromkeys(("info", "information", "notice", "config", "i"), "info"),
    **dict.fromkeys(("warn", "warning", "w"), "warning"),
    **dict.fromkeys(("error", "err", "severe", "e"), "error"),
    **dict.fromkeys(("fatal", "critical", "crit", "alert", "emerg", "panic", "f"), "critical"),
}


class LogFormat(msgspec.Struct, frozen=True):
    """One way to write a line. Without a `time_format` the time is ISO 8601."""

    name: str
    pattern: re.Pattern[str]
    time_format: str | None = None
    has_year: bool = True


def _format(name: str, pattern: str, time_format: str | None = None, *, has_year: bool = True) -> LogFormat:
    return LogFormat(name, re.compile(pattern, re.IGNORECASE | re.DOTALL), time_format, has_year)


FORMATS: Final = (
    # 2015-10-18 18:01:47,978 INFO [main] org.apache.hadoop.Foo: Created
    _format("log4j", rf"{ISO} +\[?{LEVEL}\]? +\[(?P<thread>[^\]]{{1,200}})\] (?P<component>[\w.$-]{{1,200}}): (?P<message>.*)"),
    # 2024-01-01 12:00:00,123 - shop.cart - WARNING - slow
    _format("python", rf"{ISO} - (?P<component>[\w.-]{{1,200}}) - {LEVEL} - (?P<message>.*)"),
    # nova-api.log.1 2017-05-16 00:00:00.008 25746 INFO nova.osapi [req-…] GET
    _format("openstack", rf"(?:\S{{1,200}}\.log\S{{0,100}} )?{ISO} (?P<pid>\d{{1,9}}) {LEVEL} (?P<component>[\w.-]{{1,200}}) (?P<message>.*)"),
    # 2024-01-01T00:00:00Z stdout F message, as Kubernetes keeps a container's output
    _format("cri", rf"{ISO} (?:stdout|stderr) [FP] (?P<message>.*)"),
    # <34>1 2003-10-11T22:14:15.003Z host app 123 ID47 - message
    _format("syslog5424", rf"<\d{{1,3}}>1 {ISO} (?P<host>\S{{1,255}}) (?P<component>\S{{1,100}}) (?P<pid>\S{{1,128}}) \S{{1,32}} (?:-|\[[^\]]*\]) ?(?P<message>.*)"),
    # any other line that starts with an ISO time, with or without a level
    _format("iso", rf"\[?{ISO}\]?[ \t]+(?:[\[(]?{LEVEL}[\])]?:?(?=[\s:]))?[ \t:-]*(?P<message>.*)"),
    # 081109 203615 148 INFO dfs.DataNode$PacketResponder: message
    _format("hdfs", rf"(?P<time>\d{{6}} \d{{6}}) (?P<pid>\d{{1,9}}) {LEVEL} (?P<component>[\w.$-]{{1,200}}): (?P<message>.*)", "%y%m%d %H%M%S"),
    # [Sun Dec 04 04:47:44 2005] [error] message
    _format("apache_error", r"\[(?P<time>[A-Z][a-z]{2} [A-Z][a-z]{2} \d\d \d\d:\d\d:\d\d(?:\.\d{1,6})? \d{4})\] \[(?:[\w-]*:)?(?P<level>[a-z]{1,10}\d?)\] (?:\[pid (?P<pid>\d{1,9})[^\]]*\] )?(?P<message>.*)", "%a %b %d %H:%M:%S %Y"),
    # 127.0.0.1 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 2326
    _format("access", r"(?P<host>\S{1,255}) \S{1,100} \S{1,100} \[(?P<time>\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\] (?P<message>\"(?:[^\"\\]|\\.)*\" (?P<status>\d{3}) .*)", "%d/%b/%Y:%H:%M:%S %z"),
    # 2023/01/02 03:04:05 [error] 123#0: *1 message
    _format("nginx", r"(?P<time>\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) \[(?P<level>[a-z]{1,10})\] (?P<pid>\d{1,9})#\d{1,9}: (?P<message>.*)", "%Y/%m/%d %H:%M:%S"),
    # 2023/01/02 03:04:05 message, as Go's standard logger writes
    _format("go", r"(?P<time>\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) (?P<message>.*)", "%Y/%m/%d %H:%M:%S"),
    # I0102 03:04:05.678901  123 file.go:12] message
    _format("klog", r"(?P<level>[IWEF])(?P<time>\d{4} \d\d:\d\d:\d\d\.\d{1,6}) +(?P<pid>\d{1,9}) (?P<component>[^\] ]{1,200})\] (?P<message>.*)", "%m%d %H:%M:%S.%f", has_year=False),
    # Dec 10 06:55:46 LabSZ sshd[24200]: message
    _format("syslog", rf"(?:<\d{{1,3}}>)?{SYSLOG_TIME} (?P<host>\S{{1,255}}) (?P<component>[^\s:\[]{{1,100}})(?:\[(?P<pid>\d{{1,9}})\])?: (?P<message>.*)", "%b %d %H:%M:%S", has_year=False),
    # Jun 14 15:16:01 host message, without a program
    _format("syslog_bare", rf"(?:<\d{{1,3}}>)?{SYSLOG_TIME} (?P<host>\S{{1,255}}) (?P<message>.*)", "%b %d %H:%M:%S", has_year=False),
    # time=2024-01-01T00:00:00Z level=info msg="started" port=8080
    _format("logfmt", r"(?:time|ts|t)=\"?(?P<time>[^\s\"]{1,40})\"? (?:level|lvl)=(?P<level>[a-z]{1,12}) (?P<message>.*)"),
)  # fmt: skip


def named(pattern: str, time_format: str | None) -> LogFormat:
    """A format of the user's own.

    Raises:
        ValueError: no regular expression, or one without a group `message`.
    """
    try:
        compiled = re.compile(pattern, re.DOTALL)
    except re.error as error:
        raise ValueError(f"no regular expression: {error}") from None
    if "message" not in compiled.groupindex:
        raise ValueError("needs a group (?P<message>…); it may have time, level, host and any others")
    has_year = (
        time_format is None
        or "%" not in time_format
        or any(code in time_format for code in ("%Y", "%y", "%s", "%G", "%c", "%x"))
    )
    return LogFormat("yours", compiled, time_format, has_year)
