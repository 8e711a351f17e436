"""Generates text with a Hugging Face model, replaces its linear layers by W8A16 ones, and generates again.

    python3 examples/main.py MODEL_NAME_OR_DIR [--prompt TEXT] [--exclude NAME]... [--new-tokens N]
"""

import argparse
import sys
import time

try:
    from transformers import AutoModelForCausalLM, AutoTokenizer
except ImportError:
    sys.exit(
        "error: this example needs Hugging Face transformers, which is not installed: pip install transformers\n"
        "(without transformers: `w8a16 quantize` and `w8a16 generate` run such models on their own)"
    )
import torch
from w8a16 import W8A16LinearLayer, replace_linear_with_target_and_quantize


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="a Hub id or a directory")
    parser.add_argument("--prompt", default="Once upon a time")
    parser.add_argument("--exclude", action="append", default=["lm_head"], help="a layer to leave alone (default: lm_head)")
    parser.add_argument("--new-tokens", type=int, default=40)
    return parser.parse_args()


def generate(model, tokenizer, prompt: str, new_tokens: int) -> str:
    inputs = tokenizer(prompt, return_tensors="pt").to(model.device)
    start = time.perf_counter()
    with torch.no_grad():
        ids = model.generate(**inputs, max_new_tokens=new_tokens, do_sample=False)[0]
    seconds = time.perf_counter() - start
    count = len(ids) - inputs["input_ids"].shape[1]
    return f"[{count} tokens, {count / seconds:.1f} tokens/s] {tokenizer.decode(ids, skip_special_tokens=True)}"


def main() -> None:
    arguments = parse()
    tokenizer = AutoTokenizer.from_pretrained(arguments.model)
    model = AutoModelForCausalLM.from_pretrained(arguments.model, torch_dtype="auto").eval()
    print("before:", generate(model, tokenizer, arguments.prompt, arguments.new_tokens))
    summary = replace_linear_with_target_and_quantize(model, W8A16LinearLayer, arguments.exclude)
    print("after: ", generate(model, tokenizer, arguments.prompt, arguments.new_tokens))
    print(summary)


if __name__ == "__main__":
    main()
