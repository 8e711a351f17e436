"""Two models before and after their linear layers become W8A16 ones: a dummy model, then a Hugging Face one that generates.

    python main.py [MODEL] [--prompt TEXT] [--exclude NAME]... [--new-tokens N]

MODEL is a directory or a Hub id; without it, the model that is shipped here runs, which needs no network.
"""

import argparse
import sys
import time
from pathlib import Path
from typing import Any, List

try:
    import torch
    from torch import Tensor, nn

    from w8a16 import W8A16LinearLayer, replace_linear_with_target_and_quantize
except ImportError as error:
    sys.exit(f"error: {error}; PyTorch and the package w8a16 are installed by: pip install -r requirements.txt")

SHIPPED = Path(__file__).resolve().parent / "models" / "demo"


class DummyModel(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(1000, 256)
        self.linear_1 = nn.Linear(256, 1024)
        self.linear_2 = nn.Linear(1024, 256)
        self.lm_head = nn.Linear(256, 1000, bias=False)

    def forward(self, ids: Tensor) -> Tensor:
        x: Tensor = self.lm_head(self.linear_2(torch.relu(self.linear_1(self.embedding(ids)))))
        return x


def megabytes(model: nn.Module) -> str:
    """Of parameters and buffers, each counted once."""
    tensors = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    return f"{sum(tensor.numel() * tensor.element_size() for tensor in tensors.values()) / 1e6:.2f} MB"


@torch.no_grad()
def show_dummy_model() -> None:
    torch.manual_seed(0)
    model = DummyModel().eval()
    ids = torch.arange(8)
    before = model(ids)
    print(f"Dummy model before, {megabytes(model)}:", model, sep="\n")
    replace_linear_with_target_and_quantize(model, W8A16LinearLayer, ["lm_head"])
    after = model(ids)
    print(f"\nDummy model after, {megabytes(model)}:", model, sep="\n")
    print(f"relative change of its output: {(after - before).norm() / before.norm():.4f}")


@torch.no_grad()
def generate(model: Any, tokenizer: Any, prompt: str, new_tokens: int) -> str:
    inputs = tokenizer(prompt, return_tensors="pt", return_token_type_ids=False)
    model.generate(**inputs, max_new_tokens=2, do_sample=False)  # what the first call prepares is not timed
    start = time.perf_counter()
    ids = model.generate(**inputs, max_new_tokens=new_tokens, do_sample=False)[0]
    seconds = time.perf_counter() - start
    count = len(ids) - inputs["input_ids"].shape[1]
    text = tokenizer.decode(ids, skip_special_tokens=True)
    return f"{megabytes(model)}, {count} tokens at {count / seconds:.0f} tokens/s:\n{text}"


def load_language_model(name: str) -> Any:
    """(model, tokenizer). Ends the program, saying why, where they cannot be loaded."""
    if name.startswith(("/", ".")) and not Path(name).is_dir():
        sys.exit(f"error: {name}: no such directory")
    try:
        import transformers
    except ImportError:
        sys.exit("error: the second part needs Hugging Face transformers: pip install -r requirements.txt")
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    try:
        config = transformers.AutoConfig.from_pretrained(name)
        if getattr(config, "quantization_config", None) is not None:
            sys.exit(f"error: {name} is quantized already, so there is no before; `w8a16 generate {name}` runs it")
        tokenizer = transformers.AutoTokenizer.from_pretrained(name)
        return transformers.AutoModelForCausalLM.from_pretrained(name, dtype="auto").eval(), tokenizer
    except (OSError, ValueError, ImportError) as error:
        sys.exit(f"error: {name}: {error}")


def show_language_model(arguments: argparse.Namespace, model: Any, tokenizer: Any) -> None:
    print(f"\n{arguments.model} before, {generate(model, tokenizer, arguments.prompt, arguments.new_tokens)}")
    summary = replace_linear_with_target_and_quantize(model, W8A16LinearLayer, arguments.exclude)
    print(f"\n{arguments.model} after, {generate(model, tokenizer, arguments.prompt, arguments.new_tokens)}\n")
    print(summary)


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return number


def main(argv: List[str]) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", nargs="?", default=str(SHIPPED), help="a directory or a Hub id (default: the shipped model)")
    parser.add_argument("--prompt", default="Once upon a time")
    parser.add_argument("--exclude", action="append", default=["lm_head"], help="a layer to leave alone, besides lm_head")
    parser.add_argument("--new-tokens", type=positive, default=40)
    arguments = parser.parse_args(argv)
    model, tokenizer = load_language_model(arguments.model)
    show_dummy_model()
    show_language_model(arguments, model, tokenizer)


if __name__ == "__main__":
    main(sys.argv[1:])
