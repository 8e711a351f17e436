#include "text/sentencepiece_file.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "base/strings.h"
#include "text/utf8.h"
#include "text/vocabulary.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

/// The fields of one message in the wire format of Protocol Buffers
/// (protobuf.dev/programming-guides/encoding), one after another.
class FieldReader {
 public:
  FieldReader(std::string_view message, std::string_view source) : rest_(message), source_(source) {}

  /// Goes to the next field; false at the end.
  bool Next() {
    if (rest_.empty()) return false;
    const uint64_t tag = ReadVarint();
    number_ = tag >> 3;
    type_ = static_cast<int>(tag & 7);
    switch (type_) {
      case kVarint:
        varint_ = ReadVarint();
        break;
      case kFixed64:
        bytes_ = Take(8);
        break;
      case kBytes:
        bytes_ = Take(ReadVarint());
        break;
      case kFixed32:
        bytes_ = Take(4);
        break;
      default:
        Fail(StrCat("a field has the wire type ", type_));
    }
    return true;
  }

  uint64_t number() const { return number_; }
  std::string_view Bytes() const { return Expect(kBytes), bytes_; }
  bool Bool() const { return Expect(kVarint), varint_ != 0; }
  std::string Text() const {
    if (!IsWellFormedUtf8(Bytes())) Fail(StrCat("a text is not UTF-8: ", ToWellFormedUtf8(Bytes())));
    return std::string(Bytes());
  }
  float Float() const {
    Expect(kFixed32);
    static_assert(std::endian::native == std::endian::little);
    float value;
    std::memcpy(&value, bytes_.data(), sizeof value);
    return value;
  }
  /// A value from 1 to `last`.
  template <class Enumeration>
  Enumeration Enum(Enumeration last, std::string_view name) const {
    Expect(kVarint);
    if (varint_ < 1 || varint_ > static_cast<uint64_t>(last)) Fail(StrCat(name, " is ", varint_, ", an unknown value"));
    return static_cast<Enumeration>(varint_);
  }

  [[noreturn]] void Fail(std::string_view what) const {
    throw Error(StrCat(source_, ": is not a SentencePiece model: ", what, "; get the file again"));
  }

 private:
  enum { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

  void Expect(int type) const {
    if (type_ != type) Fail(StrCat("field ", number_, " has the wire type ", type_, " instead of ", type));
  }

  uint64_t ReadVarint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<unsigned char>(Take(1)[0]);
      value |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
    Fail("a number of more than ten bytes");
  }

  std::string_view Take(uint64_t size) {
    if (size > rest_.size()) Fail("it ends inside a field");
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

  std::string_view rest_;
  std::string_view source_;
  uint64_t number_ = 0;
  int type_ = 0;
  uint64_t varint_ = 0;
  std::string_view bytes_;
};

SentencePieceFile::Piece ParsePiece(FieldReader field) {
  SentencePieceFile::Piece piece;
  while (field.Next()) {
    if (field.number() == 1) piece.text = field.Text();
    if (field.number() == 2) piece.score = field.Float();
    if (field.number() == 3) piece.type = field.Enum(SentencePieceFile::PieceType::kByte, "the type of a piece");
  }
  if (piece.text.empty()) field.Fail("a piece has no text");
  if (!std::isfinite(piece.score)) field.Fail(StrCat("the score of \"", piece.text, "\" is not finite"));
  return piece;
}

void ParseTrainerSpec(FieldReader field, SentencePieceFile& file) {
  while (field.Next()) {
    if (field.number() == 3) file.model_type = field.Enum(SentencePieceFile::ModelType::kChar, "model_type");
    if (field.number() == 24) file.treat_whitespace_as_suffix = field.Bool();
    if (field.number() == 35) file.byte_fallback = field.Bool();
    if (field.number() == 46) file.bos_piece = field.Text();
    if (field.number() == 47) file.eos_piece = field.Text();
  }
}

void ParseNormalizerSpec(FieldReader field, SentencePieceFile& file) {
  while (field.Next()) {
    if (field.number() == 2) file.precompiled_charsmap = field.Bytes();
    if (field.number() == 3) file.add_dummy_prefix = field.Bool();
    if (field.number() == 4) file.remove_extra_whitespaces = field.Bool();
    if (field.number() == 5) file.escape_whitespaces = field.Bool();
  }
}

bool IsUnknown(const SentencePieceFile::Piece& piece) { return piece.type == SentencePieceFile::PieceType::kUnknown; }

}  // namespace

SentencePieceFile SentencePieceFile::Parse(std::string_view bytes, std::string_view source) {
  SentencePieceFile file;
  FieldReader field(bytes, source);
  if (bytes.starts_with("version https://git-lfs")) {
    throw Error(StrCat(source, ": is a Git LFS pointer, not the file itself; run git lfs pull"));
  }
  while (field.Next()) {
    if (field.number() == 1) file.pieces.push_back(ParsePiece(FieldReader(field.Bytes(), source)));
    if (field.number() == 2) ParseTrainerSpec(FieldReader(field.Bytes(), source), file);
    if (field.number() == 3) ParseNormalizerSpec(FieldReader(field.Bytes(), source), file);
  }
  if (file.pieces.empty()) field.Fail("it has no pieces");
  if (file.pieces.size() > static_cast<size_t>(kMaxTokenId)) field.Fail("it has too many pieces");
  const auto unknown = std::count_if(file.pieces.begin(), file.pieces.end(), IsUnknown);
  if (unknown != 1) field.Fail(StrCat("it has ", unknown, " unknown pieces instead of one"));
  return file;
}

int SentencePieceFile::unk_id() const {
  return static_cast<int>(std::find_if(pieces.begin(), pieces.end(), IsUnknown) - pieces.begin());
}

}  // namespace w8a16
