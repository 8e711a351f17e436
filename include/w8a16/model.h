#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "w8a16/dtype.h"

namespace w8a16 {

/// Which weights a model runs on.
enum class WeightPolicy : uint8_t {
  kAuto,      ///< what the checkpoint has
  kW8A16,     ///< a float checkpoint is quantized while it loads
  kOriginal,  ///< a quantized checkpoint is refused
};

struct ModelOptions {
  std::optional<DType> dtype =
      {};  ///< of linear layers' inputs and outputs and the KV cache; default: the checkpoint's
  WeightPolicy weights = WeightPolicy::kAuto;
  int64_t context = 0;  ///< most positions of one sequence; 0: the model's own
};

class Model;

/// The keys and values of one sequence so far. Grows with the text, up to the model's context.
class KvCache {
 public:
  explicit KvCache(const Model& model);
  ~KvCache();
  KvCache(KvCache&&) noexcept;
  KvCache& operator=(KvCache&&) noexcept;
  int64_t length() const;  ///< tokens seen
  void Clear();
  /// Forgets all but the first `length` tokens (0 to length()).
  void Truncate(int64_t length);

  struct Impl;
  Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

/// New tokens of one sequence, to be appended to its cache.
struct SequenceInput {
  std::span<const int32_t> ids;
  KvCache* cache;
};

enum class LogitsFor : uint8_t { kLastToken, kAllTokens };

/// A causal language model. Immutable once loaded; one Forward at a time (it owns its scratch memory).
class Model {
 public:
  /// Loads a Hugging Face directory, float or quantized. Weights stay in the mapped file. Throws Error naming file,
  /// tensor and remedy.
  static Model Load(const std::filesystem::path& directory, const ModelOptions& options = {});
  ~Model();
  Model(Model&&) noexcept;
  Model& operator=(Model&&) noexcept;

  int64_t vocab_size() const;
  int64_t context() const;
  DType dtype() const;
  bool quantized() const;       ///< true where any linear layer is W8A16
  size_t weight_bytes() const;  ///< of all tensors it runs on, as they lie in memory
  const std::vector<int32_t>& eos_ids() const;
  int32_t bos_id() const;  ///< -1: none

  /// Runs all new tokens of all sequences in one pass. Returns float32 logits, rows of vocab_size: one row for each
  /// sequence (kLastToken) or each token (kAllTokens), in order; valid until the next call. A sequence's logits do not
  /// depend on the others. Throws Error for an id outside the vocabulary and for a sequence beyond the context, before
  /// anything is changed.
  std::span<const float> Forward(std::span<const SequenceInput> inputs, LogitsFor logits);

  struct Impl;
  const Impl& impl() const { return *impl_; }

 private:
  explicit Model(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

struct GenerateOptions {
  int64_t max_new_tokens = 128;
  float temperature = 0;  ///< 0: greedy
  int32_t top_k = 0;      ///< 0: all
  float top_p = 1;
  float min_p = 0;
  float repetition_penalty = 1;  ///< for tokens of the prompt and of the new text
  uint64_t seed = 0;
  bool ignore_eos = false;
  std::vector<int32_t> stop_ids = {};  ///< ids that end the text beside the model's own
  bool logprobs = false;               ///< fill GenerateResult::logprobs
};

/// What DIRECTORY/generation_config.json asks for, read as transformers reads it: `max_new_tokens` and
/// `repetition_penalty` always; `temperature` (1 where absent), `top_k` (50 where absent), `top_p` and `min_p` where
/// `do_sample` is true. All else, and all without the file, stays as in `defaults`: greedy. Throws Error naming file
/// and key.
GenerateOptions LoadGenerateOptions(const std::filesystem::path& directory, const GenerateOptions& defaults = {});

enum class FinishReason : uint8_t { kEos, kLength, kContext, kStopped /**< by the callback */ };

struct GenerateResult {
  std::vector<int32_t> ids;  ///< new tokens, without the end-of-text id
  /// For each new token, the natural logarithm of the probability that the model gave it (softmax of the logits as they
  /// came, before penalty and temperature).
  std::vector<double> logprobs = {};
  FinishReason finish_reason = FinishReason::kLength;
  double prefill_seconds = 0;
  double decode_seconds = 0;  ///< for the tokens after the first
};

/// Continues `text` (at least one id), whose first cache.length() ids the cache holds already: only the others are run.
/// `on_token` is called with each new id as it comes; returning false stops. Afterwards the cache holds `text` and the
/// new ids, but for the last ones, which have not been run.
GenerateResult Generate(Model& model, KvCache& cache, std::span<const int32_t> text, const GenerateOptions& options,
                        const std::function<bool(int32_t id)>& on_token = {});

/// The same from an empty cache.
GenerateResult Generate(Model& model, std::span<const int32_t> prompt, const GenerateOptions& options,
                        const std::function<bool(int32_t id)>& on_token = {});

/// Continues several prompts, up to `batch` (at least 1) side by side: one that ends makes room for the next. Each gets
/// what it would get alone, with the same seed.
std::vector<GenerateResult> GenerateBatch(Model& model, std::span<const std::vector<int32_t>> prompts, int64_t batch,
                                          const GenerateOptions& options,
                                          const std::function<bool(size_t prompt, int32_t id)>& on_token = {});

}  // namespace w8a16
