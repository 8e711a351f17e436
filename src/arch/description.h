#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "arch/module_names.h"
#include "arch/rope.h"
#include "w8a16/dtype.h"

namespace w8a16 {

enum class NormKind : uint8_t { kRms, kLayer };

struct NormSpec {
  NormKind kind = NormKind::kRms;
  float eps = 1e-5F;
  float weight_offset = 0;  ///< 1 where weights are stored as the difference from one
  bool weight = true;       ///< false: all ones, and no tensor
  bool bias = false;
};

/// What the norms of queries and keys look at, and how their weights lie in the checkpoint.
enum class QkNormScope : uint8_t {
  kHead,        ///< each head, all by one weight [head_dim]
  kEachHead,    ///< each head by its own row of [heads, head_dim]
  kHeadModule,  ///< each head by a module of its own, "<name>.<head>", [head_dim]
  kProjection,  ///< all heads at once, [heads * head_dim]
};

/// Where the heads lie in a row of queries, keys and values: the number of each one's first element. A fused projection
/// gives such a row as it comes; separate ones write theirs one after another.
struct HeadRows {
  std::vector<int64_t> q;  ///< [heads]
  std::vector<int64_t> k;  ///< [kv_heads]
  std::vector<int64_t> v;  ///< [kv_heads]
};

struct AttentionSpec {
  int64_t heads = 0;
  int64_t kv_heads = 0;
  int64_t head_dim = 0;
  HeadRows rows;
  bool qkv_bias = false;
  bool out_bias = false;
  float qkv_clip = 0;  ///< 0, or queries, keys and values are limited to [-clip, clip]
  QkNormScope qk_norm_scope = QkNormScope::kHead;
  NormSpec qk_norm;                 ///< used where ModuleNames has q_norm and k_norm
  float softcap = 0;                ///< 0, or scores s become softcap * tanh(s / softcap)
  std::vector<float> alibi_slopes;  ///< for each head; empty: no ALiBi
  bool alibi_in_bf16 = false;       ///< slope * position is rounded to bfloat16 and added to q·k, before the scale

  int64_t QSize() const { return heads * head_dim; }
  int64_t KvSize() const { return kv_heads * head_dim; }
};

enum class MlpActivation : uint8_t { kSilu, kGelu, kGeluTanh, kRelu };

/// down(activation(gate x) * up x) or, where ModuleNames has no gate, down(activation(up x)).
struct MlpSpec {
  int64_t intermediate_size = 0;
  MlpActivation activation = MlpActivation::kSilu;
  bool bias = false;
};

/// Experts in place of the MLP: each token takes the `per_token` most probable of them, by the softmax of a router.
struct ExpertsSpec {
  int64_t count = 0;
  int64_t per_token = 0;
  int64_t intermediate_size = 0;
  bool normalize = false;                ///< the chosen probabilities are divided by their sum
  int64_t shared_intermediate_size = 0;  ///< of an expert that all tokens take, times sigmoid(its gate x); 0: none
};

struct LayerSpec {
  int64_t window = 0;         ///< sliding window of attention in tokens, 0 for none
  int32_t rope = -1;          ///< number in Architecture::ropes; -1: no rotary embedding
  bool experts = false;       ///< instead of the MLP
  float attention_scale = 0;  ///< multiplies q·k
};

/// Sizes and options of one causal decoder: everything that the model code needs to know, nothing of files.
///
/// A block adds what two branches, attention and MLP, make of the residual stream to it. A branch has up to three norms
/// (ModuleNames): "in" of what it reads, "out" of what it gives, "sum" of the residual stream after the addition.
/// Branches follow each other, or both read the block's input (`parallel_branches`).
struct Architecture {
  std::string model_type;
  int64_t vocab_size = 0;
  int64_t hidden_size = 0;
  int64_t embedding_size = 0;  ///< of the embedding and of what the head reads; other than hidden_size: projected
  int64_t max_positions = 0;
  int64_t position_offset = 0;  ///< of learned positions: position 0 is this row of their table
  NormSpec norm;
  std::vector<RopeSpec> ropes;
  AttentionSpec attention;
  MlpSpec mlp;
  ExpertsSpec experts;
  std::vector<LayerSpec> layers;
  bool parallel_branches = false;
  bool conv1d = false;        ///< linear layers of blocks are stored as transformers' Conv1D, transposed
  float embedding_scale = 1;  ///< multiplies embeddings
  float residual_scale = 1;   ///< multiplies what branches add
  float logit_scale = 1;      ///< multiplies logits
  float logit_softcap = 0;    ///< 0, or logits s become softcap * tanh(s / softcap)
  bool tied_head = false;     ///< the head's weight is the embedding's
  bool head_bias = false;
  std::vector<int32_t> eos_ids;
  int32_t bos_id = -1;         ///< -1: none
  std::optional<DType> dtype;  ///< of the checkpoint as config.json declares it
  ModuleNames names;
};

}  // namespace w8a16
