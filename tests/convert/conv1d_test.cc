// Weights that lie [in, out]: what is made of them is what the transposed matrix gives.

#include "base/parallel.h"
#include "convert/quantize_transform.h"
#include "convert/tiny_llama.h"
#include "w8a16/quantize.h"

namespace w8a16 {
namespace {

using testing::Bytes;
using testing::ExpectError;
using testing::TempDir;

class Conv1dTest : public ::testing::TestWithParam<DType> {
 protected:
  static constexpr int64_t kIn = 77;
  static constexpr int64_t kOut = 131;

  float Value(int64_t in, int64_t out) const {
    return static_cast<float>((in * 37 + out * 101) % 253 - 126) * 0.01F * static_cast<float>(out + 1);
  }

  // One tensor [in, out], in a file where it begins at an odd byte.
  Checkpoint Write(const std::vector<float>& values) {
    std::string bytes(values.size() * DTypeSize(GetParam()), '\0');
    for (size_t i = 0; i < values.size(); ++i) StoreFloat(bytes.data(), GetParam(), static_cast<int64_t>(i), values[i]);
    std::filesystem::create_directories(dir_ / "source");
    WriteTextFile(dir_ / "source" / "config.json", "{}");
    std::string file =
        testing::SafetensorsBytes({{"h.weight", std::string(DTypeName(GetParam())), {kIn, kOut}, bytes}});
    uint64_t header = 0;
    std::memcpy(&header, file.data(), sizeof(header));
    const size_t spaces = 9 - header % 8;
    file.insert(8 + header, std::string(spaces, ' '));
    header += spaces;
    std::memcpy(file.data(), &header, sizeof(header));
    WriteTextFile(dir_ / "source" / "model.safetensors", file);
    return Checkpoint::Open(dir_ / "source");
  }

  static ConvertStep Step(const Checkpoint& checkpoint) {
    ConvertStep step;
    step.kind = StepKind::kQuantize;
    step.module = "h";
    step.transposed = true;
    step.source = *checkpoint.Find("h.weight");
    step.bytes_before = step.source.bytes;
    step.made = QuantizedDeclarations("h", kOut, kIn, GetParam(), QuantizedFormat::kPackQuantized);
    return step;
  }

  // The step's first tensor, in blocks of `rows` rows, then the others.
  static std::vector<std::vector<std::byte>> Make(const Checkpoint& checkpoint, const ConvertStep& step, int64_t rows) {
    const StepWork work = PrepareStep(checkpoint, step);
    RowReader reader(checkpoint, work.rows);
    std::vector<std::byte> made(static_cast<size_t>(work.rows.ReadRows() * work.row_bytes_out));
    for (int64_t row = 0; row < work.rows.ReadRows(); row += rows) {
      const int64_t count = std::min(rows, work.rows.ReadRows() - row);
      work.transform->Rows(reader.Read(row, count), row, count, made.data() + row * work.row_bytes_out);
      reader.Done(row, count);
    }
    std::vector<std::vector<std::byte>> tensors = {made};
    for (auto& rest : work.transform->Rest()) tensors.push_back(std::move(rest));
    return tensors;
  }

  TempDir dir_;
};

TEST_P(Conv1dTest, IsQuantizedAlongItsColumns) {
  std::vector<float> lying;
  for (int64_t i = 0; i < kIn; ++i) {
    for (int64_t o = 0; o < kOut; ++o) lying.push_back(Value(i, o));
  }
  std::vector<std::byte> upright(static_cast<size_t>(kIn * kOut) * DTypeSize(GetParam()));
  for (int64_t o = 0; o < kOut; ++o) {
    for (int64_t i = 0; i < kIn; ++i) StoreFloat(upright.data(), GetParam(), o * kIn + i, Value(i, o));
  }
  const QuantizedMatrix expected = Quantize({upright.data(), GetParam(), kOut, kIn, kIn}, GetParam());
  const Checkpoint checkpoint = Write(lying);
  const ConvertStep step = Step(checkpoint);
  for (const int threads : {1, 3}) {
    const int former = MaxThreads();
    SetMaxThreads(threads);
    for (const int64_t rows : {1, 32, 50, 1000}) {
      const auto made = Make(checkpoint, step, rows);
      ASSERT_EQ(made.size(), 3U);
      for (int64_t o = 0; o < kOut; ++o) {
        ASSERT_EQ(LoadFloat(made[1].data(), GetParam(), o), expected.scales[static_cast<size_t>(o)]);
        for (int64_t i = 0; i < kIn; ++i) {
          ASSERT_EQ(static_cast<int>(made[0][static_cast<size_t>(o * 80 + i)]) - 128,
                    expected.weights[static_cast<size_t>(o * kIn + i)]);
        }
        for (int64_t i = kIn; i < 80; ++i) ASSERT_EQ(made[0][static_cast<size_t>(o * 80 + i)], std::byte{0});
      }
      EXPECT_EQ(std::memcmp(made[2].data(), Bytes<int64_t>({kOut, kIn}).data(), 16), 0);
    }
    SetMaxThreads(former);
  }
}

TEST_P(Conv1dTest, NamesTheChannelOfAWeightThatIsNotFinite) {
  std::vector<float> values(static_cast<size_t>(kIn * kOut), 1.0F);
  values[5 * kOut + 9] = INFINITY;
  const Checkpoint checkpoint = Write(values);
  ExpectError([&] { Make(checkpoint, Step(checkpoint), 1000); },
              {"h.weight", "row 9", "column 5", "columns as it lies in the file"});
}

INSTANTIATE_TEST_SUITE_P(DTypes, Conv1dTest, ::testing::Values(DType::kF32, DType::kF16, DType::kBF16),
                         [](const auto& dtype) { return std::string(DTypeName(dtype.param)); });

}  // namespace
}  // namespace w8a16
