#include "convert/other_files.h"

#include "convert/convert.h"
#include "convert/tiny_llama.h"

namespace w8a16 {
namespace {

using ::testing::ElementsAre;
using testing::Listing;
using testing::TempDir;
using testing::TinyLlama;

TEST(OtherFiles, AreCopiedUnlessTheyAreWeights) {
  const TempDir dir;
  const auto source = dir / "source";
  TinyLlama().Write(source);
  for (const char* name : {"tokenizer.json",
                           "tokenizer.model",
                           "generation_config.json",
                           "chat_template.jinja",
                           "LICENSE",
                           "README.md",
                           "modeling_tiny.py",
                           "pytorch_model.bin",
                           "pytorch_model.bin.index.json",
                           "consolidated.00.pth",
                           "model.Q8_0.GGUF",
                           "optimizer.pt",
                           "rng_state_0.pth",
                           "training_args.bin",
                           "trainer_state.json",
                           "flax_model.msgpack",
                           "tf_model.h5",
                           "adapter_model.safetensors",
                           "model.safetensors.index.json",
                           ".gitattributes",
                           "empty.txt"}) {
    WriteTextFile(source / name, name[0] == 'e' ? "" : name);
  }
  std::filesystem::create_directory(source / "original");
  WriteTextFile(dir / "blob", "linked");
  std::filesystem::create_symlink("../blob", source / "vocab.txt");
  std::filesystem::create_symlink("../nowhere", source / "merges.txt");

  const ConvertReport report = QuantizeCheckpoint(source, dir / "made", {});
  EXPECT_THAT(Listing(dir / "made"), ElementsAre("LICENSE", "README.md", "chat_template.jinja", "config.json",
                                                 "empty.txt", "generation_config.json", "model.safetensors",
                                                 "modeling_tiny.py", "tokenizer.json", "tokenizer.model", "vocab.txt"));
  EXPECT_EQ(ReadTextFile(dir / "made" / "tokenizer.json"), "tokenizer.json");
  EXPECT_EQ(ReadTextFile(dir / "made" / "vocab.txt"), "linked");
  EXPECT_FALSE(std::filesystem::is_symlink(dir / "made" / "vocab.txt"));
  EXPECT_EQ(ReadTextFile(dir / "made" / "empty.txt"), "");
  EXPECT_THAT(report.skipped_files,
              ElementsAre("adapter_model.safetensors", "consolidated.00.pth", "flax_model.msgpack", "merges.txt",
                          "model.Q8_0.GGUF", "model.safetensors.index.json", "optimizer.pt", "original/",
                          "pytorch_model.bin", "pytorch_model.bin.index.json", "rng_state_0.pth", "tf_model.h5",
                          "trainer_state.json", "training_args.bin"));
}

}  // namespace
}  // namespace w8a16
