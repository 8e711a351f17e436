#pragma once

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "checkpoint/mapped_file.h"
#include "checkpoint/safetensors.h"
#include "testing/files.h"
#include "testing/goldens.h"

namespace w8a16::testing {

inline void WriteFile(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

/// The tensors of a safetensors file with their bytes.
inline std::vector<TestTensor> ReadTensors(const std::filesystem::path& path) {
  const auto file = MappedFile::Open(path);
  std::vector<TestTensor> tensors;
  for (const TensorInfo& info : ParseSafetensors(file->bytes(), path.string())) {
    const auto* data = reinterpret_cast<const char*>(file->bytes().data()) + info.offset;
    tensors.push_back({info.name, std::string(DTypeName(info.dtype)), info.shape, std::string(data, info.bytes)});
  }
  return tensors;
}

/// A tokenizer of 160 tokens: <unk>, <s>, </s>, one for each printable ASCII character, and some that no text gives.
/// Encoding adds <s>.
inline std::string TinyTokenizer() {
  Json vocab = {{"<unk>", 0}, {"<s>", 1}, {"</s>", 2}};
  for (char c = '!'; c <= '~'; ++c) vocab[std::string(1, c)] = vocab.size();
  vocab["\xC4\xA0"] = vocab.size();  // how byte-level tokenizers write a space
  vocab["\xC4\x8A"] = vocab.size();  // and a newline
  while (vocab.size() < 160) vocab["tok" + std::to_string(vocab.size())] = vocab.size();
  const auto special = [](int id, const char* content) {
    return Json{{"id", id},        {"content", content},  {"single_word", false}, {"lstrip", false},
                {"rstrip", false}, {"normalized", false}, {"special", true}};
  };
  const Json byte_level = {
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", true}};
  const Json bos = {{"SpecialToken", {{"id", "<s>"}, {"type_id", 0}}}};
  const auto sequence = [](const char* id) { return Json{{"Sequence", {{"id", id}, {"type_id", 0}}}}; };
  const Json tokenizer = {{"version", "1.0"},
                          {"truncation", nullptr},
                          {"padding", nullptr},
                          {"added_tokens", Json::array({special(0, "<unk>"), special(1, "<s>"), special(2, "</s>")})},
                          {"normalizer", nullptr},
                          {"pre_tokenizer", byte_level},
                          {"post_processor",
                           {{"type", "TemplateProcessing"},
                            {"single", Json::array({bos, sequence("A")})},
                            {"pair", Json::array({bos, sequence("A"), sequence("B")})},
                            {"special_tokens", {{"<s>", {{"id", "<s>"}, {"ids", {1}}, {"tokens", {"<s>"}}}}}}}},
                          {"decoder", byte_level},
                          {"model",
                           {{"type", "BPE"},
                            {"dropout", nullptr},
                            {"unk_token", nullptr},
                            {"continuing_subword_prefix", nullptr},
                            {"end_of_word_suffix", nullptr},
                            {"fuse_unk", false},
                            {"byte_fallback", false},
                            {"vocab", vocab},
                            {"merges", Json::array()}}}};
  return tokenizer.dump();
}

/// A model directory of its own for one test: the Llama of 2 blocks, 160 tokens and 256 positions from the golden
/// models, with TinyTokenizer.
class TinyModel {
 public:
  TinyModel() {
    const std::filesystem::path golden = GoldenDirectory("llama-gqa");
    for (const char* name : {"config.json", "model.safetensors"})
      std::filesystem::copy_file(golden / name, dir_ / name);
    WriteFile(dir_ / "tokenizer.json", TinyTokenizer());
  }
  std::string path() const { return dir_.path().string(); }
  std::filesystem::path operator/(const std::string& name) const { return dir_ / name; }

  /// Rewrites the weights after `change`.
  void ChangeTensors(const std::function<void(std::vector<TestTensor>&)>& change) const {
    std::vector<TestTensor> tensors = ReadTensors(dir_ / "model.safetensors");
    change(tensors);
    WriteFile(dir_ / "model.safetensors", SafetensorsBytes(tensors));
  }
  void ChangeConfig(const std::function<void(Json&)>& change) const {
    Json config = ReadJson(dir_ / "config.json");
    change(config);
    WriteFile(dir_ / "config.json", config.dump());
  }

 private:
  TempDir dir_;
};

inline TestTensor& FindTensor(std::vector<TestTensor>& tensors, const std::string& name) {
  for (TestTensor& tensor : tensors) {
    if (tensor.name == name) return tensor;
  }
  throw Error("no tensor " + name);
}

}  // namespace w8a16::testing
