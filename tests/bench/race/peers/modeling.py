"""The sentiment head of a Pulsewire run as transformers knows it: BertForSequenceClassification, pooled by the mean.

A copy of this file lies beside the weights, as transformers asks of a model with code of its own.
"""

from transformers import BertForSequenceClassification, BertModel
from transformers.modeling_outputs import SequenceClassifierOutput


class MeanPooledBertForSequenceClassification(BertForSequenceClassification):
    """Its head sees the mean over a text's own tokens, where the parent's sees the first token through a layer."""

    def __init__(self, config):
        super().__init__(config)
        self.bert = BertModel(config, add_pooling_layer=False)
        self.post_init()

    def forward(self, input_ids=None, attention_mask=None, token_type_ids=None):
        states = self.bert(input_ids, attention_mask, token_type_ids).last_hidden_state
        mask = attention_mask.unsqueeze(-1).to(states.dtype)
        pooled = (states * mask).sum(1) / mask.sum(1)
        return SequenceClassifierOutput(logits=self.classifier(pooled))
