#include "convert/layer_writer.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <exception>

#include "base/strings.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

// What is in memory at a time: large enough for full speed of disk and threads, small beside any model.
constexpr int64_t kBlockBytes = int64_t{8} << 20;
// One thread's portion. Fixed, so that sums of errors do not depend on the number of threads.
constexpr int64_t kChunkBytes = int64_t{128} << 10;

int64_t RowsIn(int64_t bytes, int64_t row_bytes) { return std::max<int64_t>(1, bytes / row_bytes); }

int64_t RowStride(int64_t cols, QuantizedFormat format) {
  return format == QuantizedFormat::kPackQuantized ? (cols + 3) / 4 * 4 : cols;
}

// Files whose header does not end at a multiple of 8 bytes exist; arithmetic wants aligned elements.
const std::byte* Aligned(const std::byte* data, size_t bytes, size_t alignment, std::vector<std::byte>& copy) {
  if (reinterpret_cast<uintptr_t>(data) % alignment == 0) return data;
  copy.assign(data, data + bytes);
  return copy.data();
}

// Quantizes rows [first_row, first_row + w.rows) in chunks side by side. Of several errors it throws the first.
QuantizationError QuantizeBlock(const ConstMatrix& w, const QuantizedRowsOut& out, const std::string& name,
                                int64_t first_row) {
  const auto element = static_cast<int64_t>(DTypeSize(w.dtype));
  const int64_t rows_per_chunk = RowsIn(kChunkBytes, w.cols * element);
  const int64_t chunks = (w.rows + rows_per_chunk - 1) / rows_per_chunk;
  std::vector<QuantizationError> errors(static_cast<size_t>(chunks));
  std::vector<std::exception_ptr> failures(static_cast<size_t>(chunks));
  ParallelFor(chunks, 1, 1, [&](int64_t begin, int64_t end) {
    for (int64_t chunk = begin; chunk < end; ++chunk) {
      const int64_t row = chunk * rows_per_chunk;
      ConstMatrix rows = w;
      rows.data = w.Row(row);
      rows.rows = std::min(rows_per_chunk, w.rows - row);
      QuantizedRowsOut part = out;
      part.weights = static_cast<std::byte*>(out.weights) + row * out.row_stride;
      part.scales = static_cast<std::byte*>(out.scales) + row * static_cast<int64_t>(DTypeSize(out.scale_dtype));
      try {
        QuantizeRows(rows, part, name, first_row + row);
        errors[static_cast<size_t>(chunk)] = MeasureQuantization(rows, part);
      } catch (const Error&) {
        failures[static_cast<size_t>(chunk)] = std::current_exception();
      }
    }
  });
  QuantizationError total;
  for (size_t chunk = 0; chunk < errors.size(); ++chunk) {
    if (failures[chunk]) std::rethrow_exception(failures[chunk]);
    total.Merge(errors[chunk]);
  }
  return total;
}

}  // namespace

std::vector<SafetensorsWriter::Declaration> QuantizedDeclarations(const std::string& module, const TensorInfo& weight,
                                                                  QuantizedFormat format) {
  const int64_t rows = weight.shape[0];
  const int64_t cols = weight.shape[1];
  const SafetensorsWriter::Declaration scales = {module + ".weight_scale", weight.dtype, {rows, 1}};
  if (format == QuantizedFormat::kIntQuantized) return {{module + ".weight", DType::kI8, {rows, cols}}, scales};
  return {{module + ".weight_packed", DType::kI32, {rows, RowStride(cols, format) / 4}},
          scales,
          {module + ".weight_shape", DType::kI64, {2}}};
}

QuantizationError WriteQuantized(const Checkpoint& checkpoint, const TensorInfo& weight, QuantizedFormat format,
                                 SafetensorsWriter& writer, const std::vector<size_t>& at, BytesDone done) {
  const bool packed = format == QuantizedFormat::kPackQuantized;
  const std::array<int64_t, 2> shape = {weight.shape[0], weight.shape[1]};
  const auto [rows, cols] = shape;
  const auto element = static_cast<int64_t>(DTypeSize(weight.dtype));
  const int64_t rows_per_block = std::min(rows, RowsIn(kBlockBytes, cols * element));
  const std::byte* data = checkpoint.Get(weight.name).data;

  QuantizedRowsOut out;
  out.row_stride = RowStride(cols, format);
  out.encoding = packed ? Int8Encoding::kFlipped : Int8Encoding::kSigned;
  out.scale_dtype = weight.dtype;
  // Zeroed once: QuantizeRows leaves the padding of packed rows alone.
  std::vector<std::byte> block(static_cast<size_t>(rows_per_block * out.row_stride));
  std::vector<std::byte> scales(static_cast<size_t>(rows * element));
  std::vector<std::byte> aligned;
  out.weights = block.data();

  QuantizationError total;
  for (int64_t row = 0; row < rows; row += rows_per_block) {
    const int64_t count = std::min(rows_per_block, rows - row);
    const auto offset = static_cast<uint64_t>(row * cols * element);
    const auto bytes = static_cast<uint64_t>(count * cols * element);
    const std::byte* from = Aligned(data + offset, bytes, static_cast<size_t>(element), aligned);
    out.scales = scales.data() + row * element;
    try {
      total.Merge(QuantizeBlock({from, weight.dtype, count, cols, cols}, out, weight.name, row));
    } catch (const Error& error) {
      throw Error(StrCat((checkpoint.directory() / weight.file).string(), ": ", error.what()));
    }
    writer.Write(at[0], static_cast<uint64_t>(row * out.row_stride), block.data(),
                 static_cast<size_t>(count * out.row_stride));
    checkpoint.Release(weight.name, offset, bytes);
    done(bytes);
  }
  writer.Write(at[1], 0, scales.data(), scales.size());
  if (packed) writer.Write(at[2], 0, shape.data(), sizeof(shape));
  return total;
}

void WriteUnchanged(const Checkpoint& checkpoint, const TensorInfo& tensor, SafetensorsWriter& writer, size_t at,
                    BytesDone done) {
  const std::byte* data = checkpoint.Get(tensor.name).data;
  for (uint64_t offset = 0; offset < tensor.bytes; offset += kBlockBytes) {
    const uint64_t bytes = std::min<uint64_t>(kBlockBytes, tensor.bytes - offset);
    writer.Write(at, offset, data + offset, bytes);
    checkpoint.Release(tensor.name, offset, bytes);
    done(bytes);
  }
}

}  // namespace w8a16
