#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "text/json_node.h"

namespace w8a16 {

/// Lets maps of strings be searched by string_view.
struct StringHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};

/// Larger ids are errors: tables are indexed by id, and the largest vocabularies known have a million tokens.
inline constexpr int64_t kMaxTokenId = (int64_t{1} << 24) - 1;

/// A one-to-one relation of texts and ids; ids may have gaps.
class Vocabulary {
 public:
  /// From an object of texts and ids. Throws Error naming the key where an id is none or stands twice.
  static Vocabulary Parse(const JsonNode& node);

  /// Throws Error where the text or the id is already there.
  void Add(std::string text, int32_t id);
  /// The same; the message names the place of `node`.
  void Add(const JsonNode& node, std::string text, int32_t id);

  int32_t size() const { return static_cast<int32_t>(text_of_id_.size()); }  ///< largest id + 1
  int32_t Find(std::string_view text) const;                                 ///< -1 where there is none
  /// Null where there is no such id.
  const std::string* Text(int32_t id) const;
  /// The ids of "<0x00>" to "<0xFF>", by which vocabularies with byte_fallback spell what they lack; -1: none.
  std::array<int32_t, 256> ByteTokens() const;

 private:
  std::unordered_map<std::string, int32_t, StringHash, std::equal_to<>> id_of_text_;
  std::vector<const std::string*> text_of_id_;  // the keys of id_of_text_, which never move
};

}  // namespace w8a16
