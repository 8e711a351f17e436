"""A model whose linear layers are replaced, the head excluded: the model, its memory and its output before and after."""

import torch
from torch import nn
from w8a16 import W8A16LinearLayer, replace_linear_with_target_and_quantize


class DummyModel(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(1000, 256)
        self.linear_1 = nn.Linear(256, 1024)
        self.linear_2 = nn.Linear(1024, 256)
        self.lm_head = nn.Linear(256, 1000, bias=False)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.lm_head(self.linear_2(torch.relu(self.linear_1(self.embedding(ids)))))


torch.manual_seed(0)
model = DummyModel().eval()
ids = torch.arange(8)
with torch.no_grad():
    before = model(ids)
    print("before:", model, sep="\n")

    summary = replace_linear_with_target_and_quantize(model, W8A16LinearLayer, ["lm_head"])
    after = model(ids)
    print("after:", model, sep="\n")

print(summary)
print(f"relative change of the output: {(after - before).norm() / before.norm():.4f}")
