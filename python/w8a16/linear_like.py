"""Which modules are linear layers, ``y = x W^T + b`` and nothing else, and what their weight is."""

import operator
from typing import Any, Dict, List, Optional

import torch
import torch.fx
from torch import Tensor, nn

#: names of heads, as they end
HEADS = ("lm_head", "embed_out")
#: routers of experts, as their full names end
ROUTERS = ("block_sparse_moe.gate", "mlp.gate", "mlp.shared_expert_gate")


def is_linear_class(module: nn.Module) -> bool:
    """Would people call it a linear layer? (nn.Linear, its subclasses, GPT-2's Conv1D.)"""
    return isinstance(module, nn.Linear) or is_conv1d(module)


def is_conv1d(module: nn.Module) -> bool:
    """GPT-2's Conv1D, of transformers: weights ``[in, out]``. Known by its name, so that transformers need not be there."""
    return f"{type(module).__module__}.{type(module).__qualname__}" == "transformers.pytorch_utils.Conv1D"


def weight_of(layer: Any) -> Tensor:
    """``[out, in]``"""
    weight: Tensor = layer.weight
    return weight.t() if is_conv1d(layer) else weight


def why_not_linear(module: nn.Module, include_subclasses: bool = False) -> Optional[str]:
    """None where the module computes ``x W^T + b`` and a quantized layer can take its place; else the reason.

    ``include_subclasses``: subclasses of nn.Linear that compute something else, or that cannot be followed, too.
    """
    if isinstance(module, nn.modules.linear.NonDynamicallyQuantizableLinear):
        return "nn.MultiheadAttention reads its weight instead of calling it"
    if not is_linear_class(module):
        return "not a linear layer (torch.nn.Linear, a subclass that computes the same, or Conv1D)"
    weight: Any = module.weight
    if isinstance(weight, nn.parameter.UninitializedParameter):
        return "its weight is not initialized yet (call the model once)"
    if weight.dim() != 2:
        return f"its weight has {weight.dim()} dimensions"
    if any((module._forward_hooks, module._forward_pre_hooks, module._backward_hooks, module._backward_pre_hooks)):
        return "it has hooks, which may compute its weight or observe it (remove them first)"
    if "forward" in module.__dict__:
        return "its forward was replaced on the instance (by a hook, such as accelerate's for offloading)"
    if is_conv1d(module) or include_subclasses or type(module) is nn.Linear:
        return None
    others = [name for name, _ in module.named_parameters() if name not in ("weight", "bias")]
    others += [name for name, _ in module.named_buffers()] + [name for name, _ in module.named_children()]
    if others:
        return f"{type(module).__name__}, a subclass of nn.Linear, has {others[0]}, which would be lost"
    if type(module).__call__ is nn.Module.__call__ and (type(module).forward is nn.Linear.forward or _computes_linear(module)):
        return None
    kind = type(module).__name__
    return f"{kind} is a subclass of nn.Linear that computes something else (include_subclasses=True replaces it)"


def fused_weights(model: nn.Module) -> List[str]:
    """Full names of float parameters that hold a matrix for each of several experts, in modules that are not PyTorch's own:
    no linear layer can take their place."""
    return [
        f"{name}.{parameter_name}" if name else parameter_name
        for name, module in model.named_modules()
        if not type(module).__module__.startswith("torch.nn.")
        for parameter_name, parameter in module.named_parameters(recurse=False)
        if not isinstance(parameter, nn.parameter.UninitializedParameter)
        and parameter.dim() == 3
        and parameter.shape[0] > 1
        and parameter.is_floating_point()
    ]


def is_head(name: str) -> bool:
    return name.rpartition(".")[2] in HEADS


def is_router(name: str) -> bool:
    return any(name == router or name.endswith("." + router) for router in ROUTERS)


class _Tracer(torch.fx.Tracer):
    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return False


def _computes_linear(module: nn.Module) -> bool:
    """Does its forward do what nn.Linear's does (F.linear, or a product with the transposed weight and a sum), for any x?
    It is traced, so that a branch on x, an activation or a dropout shows."""
    training = module.training
    try:
        for mode in (False, True):  # what a dropout does shows in one of them
            module.training = mode
            if _meaning(_Tracer().trace(module), module.bias is not None) != "y":
                return False
        return True
    except Exception:  # whatever a stranger's code does with a stand-in for x, it is not a plain linear layer
        return False
    finally:
        module.training = training


def _meaning(graph: torch.fx.Graph, has_bias: bool) -> Optional[str]:
    """What the graph returns: "y" is x W^T + b. A node that means nothing known means None, and so does what uses it."""
    means: Dict[torch.fx.Node, Optional[str]] = {}

    def of(value: Any) -> Optional[str]:
        if isinstance(value, torch.fx.Node):
            return means.get(value)
        return "none" if value is None else None

    for node in graph.nodes:
        if node.op == "placeholder":
            means[node] = "x" if not means else None
        elif node.op == "get_attr":
            means[node] = {"weight": "w", "bias": "b"}.get(str(node.target))
        elif node.op == "output":
            return of(node.args[0])
        else:
            means[node] = _call(node, [of(argument) for argument in (*node.args, *node.kwargs.values())], has_bias)
    return None


def _call(node: torch.fx.Node, arguments: List[Optional[str]], has_bias: bool) -> Optional[str]:
    target, product = node.target, "y" if not has_bias else "xw"
    if target is torch.nn.functional.linear:
        if arguments == ["x", "w", "b"] or (not has_bias and arguments in (["x", "w", "none"], ["x", "w"])):
            return "y"
        return product if arguments in (["x", "w", "none"], ["x", "w"]) else None
    if target is getattr and node.args[1:] in (("T",), ("mT",)) and arguments[0] == "w":
        return "wt"
    swaps = target in ("transpose", torch.transpose) and set(node.args[1:]) in ({0, 1}, {-1, -2})
    if (swaps or target in ("t", torch.t)) and arguments[0] == "w":
        return "wt"
    if target in (operator.matmul, torch.matmul, "matmul") and arguments == ["x", "wt"]:
        return product
    if target in (operator.add, operator.iadd, torch.add, "add", "add_") and sorted(map(str, arguments)) == ["b", "xw"]:
        return "y"
    return None
