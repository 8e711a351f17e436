#pragma once

#include <cstdint>
#include <string>

namespace w8a16 {

class Checkpoint;

/// Names of modules as the checkpoint has them, without ".weight". An empty name: the architecture has no such module.
struct ModuleNames {
  std::string prefix = "model.";  ///< before the names down to final_norm
  std::string embedding = "embed_tokens";
  std::string positions;
  std::string embedding_norm;
  std::string project_in;  ///< from the embedding's size to the model's, and back
  std::string project_out;
  std::string layers = "layers";
  std::string final_norm = "norm";
  std::string head = "lm_head";  ///< the whole name

  // Of block i, after "<prefix><layers>.<i>.".
  std::string attention_in_norm = "input_layernorm";
  std::string attention_out_norm;
  std::string attention_sum_norm;
  std::string qkv;  ///< one layer in place of q, k and v
  std::string q = "self_attn.q_proj";
  std::string k = "self_attn.k_proj";
  std::string v = "self_attn.v_proj";
  std::string q_norm;
  std::string k_norm;
  std::string o = "self_attn.o_proj";
  std::string mlp_in_norm = "post_attention_layernorm";
  std::string mlp_out_norm;
  std::string mlp_sum_norm;
  std::string gate_up;  ///< one layer in place of gate and up
  std::string gate = "mlp.gate_proj";
  std::string up = "mlp.up_proj";
  std::string down = "mlp.down_proj";
  std::string router = "mlp.gate";
  std::string experts = "mlp.experts";  ///< "<experts>.<e>.<expert_gate>"
  std::string expert_gate = "gate_proj";
  std::string expert_up = "up_proj";
  std::string expert_down = "down_proj";
  std::string shared_expert = "mlp.shared_expert";  ///< "<shared_expert>.<expert_gate>"
  std::string shared_expert_gate = "mlp.shared_expert_gate";

  /// The full names of a module outside the blocks, and of module `name` of block `layer`; "" of "".
  std::string Outer(const std::string& name) const;
  std::string Block(int64_t layer, const std::string& name) const;

  /// Takes prefix and head's name from the tensors: published checkpoints of one architecture have them with prefix and
  /// without, and nested in larger models.
  void Align(const Checkpoint& checkpoint);
};

}  // namespace w8a16
