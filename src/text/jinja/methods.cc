#include "text/jinja/methods.h"

#include <algorithm>
#include <array>
#include <limits>

#include "base/strings.h"
#include "text/jinja/bound.h"
#include "text/jinja/operations.h"
#include "text/jinja/python_text.h"
#include "text/utf8.h"

namespace w8a16::jinja {
namespace {

using Function = Value (*)(Runtime&, const Value& self, std::string_view name, const Arguments&);

struct Entry {
  std::string_view name;
  Function function;
};

Value TextList(Runtime& runtime, const std::vector<std::string_view>& parts) {
  std::vector<Value> items;
  items.reserve(parts.size());
  for (const std::string_view part : parts) items.push_back(runtime.MakeText(std::string(part)));
  return runtime.MakeList(std::move(items));
}

// The names say which: strip, lstrip, rstrip.
StripSide SideOf(std::string_view name) {
  if (name.starts_with('l')) return StripSide::kLeft;
  return name.starts_with('r') ? StripSide::kRight : StripSide::kBoth;
}

Value Strip(Runtime& runtime, const Value& self, std::string_view name, const Arguments& arguments) {
  const Bound bound(runtime, name, arguments, {"chars"});
  const std::string& text = *self.text();
  const bool whitespace = !bound.Has(0) || bound[0].IsNone();
  if (!whitespace) runtime.Spend(text.size() + bound.Text(0).size());
  const std::string_view stripped =
      whitespace ? StripWhitespace(text, SideOf(name)) : StripCharacters(text, bound.Text(0), SideOf(name));
  return runtime.MakeText(std::string(stripped));
}

Value Split(Runtime& runtime, const Value& self, std::string_view name, const Arguments& arguments) {
  const Bound bound(runtime, name, arguments, {"sep", "maxsplit"});
  const std::string& text = *self.text();
  runtime.SpendText(text.size());
  const size_t most = bound.CountOr(1);
  if (!bound.Has(0) || bound[0].IsNone()) {
    if (name == "rsplit" && most != SIZE_MAX) bound.Fail("with a limit needs a separator here");
    return TextList(runtime, SplitWhitespace(text, most));
  }
  const std::string& separator = bound.Text(0);
  if (separator.empty()) bound.Fail("cannot split at an empty separator");
  if (name == "rsplit") runtime.SpendText(text.size() * separator.size());
  return TextList(runtime, name == "split" ? SplitAt(text, separator, most) : SplitFromRight(text, separator, most));
}

Value Splitlines(Runtime& runtime, const Value& self, std::string_view name, const Arguments& arguments) {
  const Bound bound(runtime, name, arguments, {"keepends"});
  runtime.SpendText(self.text()->size());
  return TextList(runtime, SplitLines(*self.text(), bound.BoolOr(0, false)));
}

Value Partition(Runtime& runtime, const Value& self, std::string_view name, const Arguments& arguments) {
  const Bound bound(runtime, name, arguments, {"sep"}, 1);
  const std::string& text = *self.text();
  const std::string& separator = bound.Text(0);
  if (separator.empty()) bound.Fail("cannot split at an empty separator");
  const bool from_right = name == "rpartition";
  runtime.SpendText(from_right ? text.size() * separator.size() : text.size());
  const size_t at = from_right ? text.rfind(separator) : FindText(text, separator);
  std::vector<Value> parts;
  if (at == std::string::npos) {
    parts = from_right ? std::vector<Value>{"", "", self} : std::vector<Value>{self, "", ""};
  } else {
    parts = {runtime.MakeText(text.substr(0, at)), bound[0], runtime.MakeText(text.substr(at + separator.size()))};
  }
  return runtime.MakeList(std::move(parts), true);
}

Value StartsOrEndsWith(Runtime& runtime, const Value& self, std::string_view name, const Arguments& arguments) {
  const Bound bound(runtime, name, arguments, {name == "startswith" ? "prefix" : "suffix"}, 1);
  const std::string_view text = *self.text();
  const auto matches = [&](const Value& part) {
    if (part.text() == nullptr) bound.Fail(StrCat("takes a string or a tuple of strings, not ", part.TypeName()));
    runtime.SpendText(part.text()->size());
    return name == "startswith" ? text.starts_with(*part.text()) : text.ends_with(*part.text());
  };
  RequireDefined(runtime, bound[0]);
  const List* list = bound[0].list();
  if (list == nullptr || !list->tuple) return matches(bound[0]);
  return std::any_of(list->items.begin(), list->items.end(), matches);
}

Value RemoveAffix(Runtime& runtime, const Value& self, std::string_view name, const Arguments& arguments) {
  const Bound bound(runtime, name, arguments, {"affix"}, 1);
  std::string_view text = *self.text();
  const std::string& affix = bound.Text(0);
  if (name == "removeprefix" && text.starts_with(affix)) text.remove_prefix(affix.size());
  if (name == "removesuffix" && text.ends_with(affix)) text.remove_suffix(affix.size());
  return runtime.MakeText(std::string(text));
}

Value Replace(Runtime& runtime, const Value& self, std::string_view name, const Arguments& arguments) {
  const Bound bound(runtime, name, arguments, {"old", "new", "count"}, 2);
  const std::string& text = *self.text();
  // The longest it can get.
  runtime.SpendText(text.size() + (text.size() + 1) * bound.Text(1).size() / std::max<size_t>(1, bound.Text(0).size()));
  return ReplaceText(text, bound.Text(0), bound.Text(1), bound.CountOr(2));
}

Value ChangeCase(Runtime& runtime, const Value& self, std::string_view name, const Arguments& arguments) {
  const Bound bound(runtime, name, arguments, {});
  const std::string& text = *self.text();
  runtime.SpendText(text.size());
  if (name == "upper") return UpperCase(text);
  if (name == "lower") return LowerCase(text);
  if (name == "title") return TitleCase(text);
  return Capitalize(text);
}

Value Classify(Runtime& runtime, const Value& self, std::string_view name, const Arguments& arguments) {
  const Bound bound(runtime, name, arguments, {});
  const std::string_view text = *self.text();
  runtime.SpendText(text.size());
  bool all = !text.empty();
  bool any_cased = false;
  for (size_t at = 0; at < text.size();) {
    const Utf8Unit unit = CharacterAt(text, at);
    const char32_t c = unit.code_point;
    at += unit.length;
    if (name == "isalpha") all = all && IsLetter(c);
    if (name == "isdigit") all = all && IsDigitCharacter(c);
    if (name == "isalnum") all = all && (IsLetter(c) || IsNumeric(c));
    if (name == "isspace") {
      const std::string_view character = text.substr(at - unit.length, unit.length);
      all = all && StripWhitespace(character, StripSide::kBoth).empty();
    }
    if (name == "isupper") all = all && !IsLowerCase(c);
    if (name == "islower") all = all && !IsUpperCase(c);
    any_cased = any_cased || IsUpperCase(c) || IsLowerCase(c);
  }
  const bool needs_case = name == "isupper" || name == "islower";
  return all && (any_cased || !needs_case);
}

Value Find(Runtime& runtime, const Value& self, std::string_view name, const Arguments& arguments) {
  const Bound bound(runtime, name, arguments, {"sub"}, 1);
  const std::string_view text = *self.text();
  runtime.SpendText(name.starts_with('r') ? text.size() * bound.Text(0).size() : text.size());
  const size_t at = name.starts_with('r') ? text.rfind(bound.Text(0)) : FindText(text, bound.Text(0));
  if (at != std::string_view::npos) return static_cast<int64_t>(CharacterCount(text.substr(0, at)));
  if (name.ends_with("index")) bound.Fail("found no such text");
  return int64_t{-1};
}

Value CountText(Runtime& runtime, const Value& self, std::string_view name, const Arguments& arguments) {
  const Bound bound(runtime, name, arguments, {"sub"}, 1);
  runtime.SpendText(self.text()->size());
  if (bound.Text(0).empty()) return static_cast<int64_t>(CharacterCount(*self.text()) + 1);
  return static_cast<int64_t>(SplitAt(*self.text(), bound.Text(0), SIZE_MAX).size() - 1);
}

Value JoinText(Runtime& runtime, const Value& self, std::string_view name, const Arguments& arguments) {
  const Bound bound(runtime, name, arguments, {"iterable"}, 1);
  std::string out;
  bool first = true;
  for (const Value& item : Iterate(runtime, bound[0])) {
    if (item.text() == nullptr) bound.Fail(StrCat("takes strings, not ", item.TypeName()));
    if (!first) out += *self.text();
    first = false;
    out += *item.text();
    runtime.SpendText(item.text()->size() + self.text()->size());
  }
  return runtime.MakeText(std::move(out));
}

Value Justify(Runtime& runtime, const Value& self, std::string_view name, const Arguments& arguments) {
  const Bound bound(runtime, name, arguments, {"width", "fillchar"}, 1);
  const std::string& text = *self.text();
  const std::string fill = bound.TextOr(1, name == "zfill" ? "0" : " ");
  if (CharacterCount(fill) != 1) bound.Fail("fills with exactly one character");
  const int64_t missing = bound.IntegerOr(0, 0) - static_cast<int64_t>(CharacterCount(text));
  if (missing <= 0) return self;
  runtime.SpendText(text.size() + static_cast<size_t>(missing) * fill.size());
  const auto filled = [&](int64_t count) {
    std::string out;
    for (int64_t i = 0; i < count; ++i) out += fill;
    return out;
  };
  if (name == "ljust") return text + filled(missing);
  if (name == "rjust") return filled(missing) + text;
  if (name == "zfill") {
    const size_t sign = text.starts_with('-') || text.starts_with('+') ? 1 : 0;
    return text.substr(0, sign) + filled(missing) + text.substr(sign);
  }
  // Python gives the odd one to the left where the width is odd.
  const int64_t left = missing / 2 + (missing & bound.IntegerOr(0, 0) & 1);
  return filled(left) + text + filled(missing - left);
}

// str.format with {}, {0} and {name}; what stands after a colon or an exclamation mark is not supported.
Value Format(Runtime& runtime, const Value& self, std::string_view name, const Arguments& arguments) {
  std::string_view rest = *self.text();
  std::string out;
  size_t next = 0;
  const auto lookup = [&](std::string_view field) -> const Value& {
    if (field.empty() || field.find_first_not_of("0123456789") == std::string_view::npos) {
      const size_t index =
          field.empty() ? next++
                        : std::min<size_t>(field.size() > 6 ? SIZE_MAX : std::stoul(std::string(field)), SIZE_MAX);
      if (index >= arguments.positional.size()) runtime.Fail(StrCat(name, ": there is no value for {", field, "}"));
      return arguments.positional[index];
    }
    for (const auto& [key, value] : arguments.keyword) {
      if (key == field) return value;
    }
    runtime.Fail(StrCat(name, ": there is no value for {", field, "}; supported: {}, {0}, {name}"));
  };
  while (!rest.empty()) {
    const char c = rest.front();
    if (rest.starts_with("{{") || rest.starts_with("}}")) {
      out += c;
      rest.remove_prefix(2);
    } else if (c == '{') {
      const size_t end = rest.find('}');
      if (end == std::string_view::npos) runtime.Fail(StrCat(name, ": a { has no }"));
      out += ToText(runtime, lookup(rest.substr(1, end - 1)));
      rest.remove_prefix(end + 1);
    } else if (c == '}') {
      runtime.Fail(StrCat(name, ": a } has no {"));
    } else {
      out += c;
      rest.remove_prefix(1);
    }
    runtime.SpendText(out.size() > rest.size() ? 16 : 0);
  }
  return runtime.MakeText(std::move(out));
}

Value ListFind(Runtime& runtime, const Value& self, std::string_view name, const Arguments& arguments) {
  const Bound bound(runtime, name, arguments, {"value"}, 1);
  const std::vector<Value>& items = self.list()->items;
  const auto same = [&](const Value& item) { return Equal(runtime, item, bound[0]); };
  if (name == "count") return static_cast<int64_t>(std::count_if(items.begin(), items.end(), same));
  const auto found = std::find_if(items.begin(), items.end(), same);
  if (found == items.end()) bound.Fail("found no such item");
  return static_cast<int64_t>(found - items.begin());
}

Value DictGet(Runtime& runtime, const Value& self, std::string_view name, const Arguments& arguments) {
  const Bound bound(runtime, name, arguments, {"key", "default"}, 1);
  if (!Contains(runtime, self, bound[0])) return bound.Or(1, Value());
  return Subscript(runtime, self, bound[0]);
}

Value DictView(Runtime& runtime, const Value& self, std::string_view name, const Arguments& arguments) {
  const Bound bound(runtime, name, arguments, {});
  std::vector<Value> items;
  for (const auto& [key, value] : self.dict()->items) {
    if (name == "keys") items.push_back(key);
    if (name == "values") items.push_back(value);
    if (name == "items") items.push_back(runtime.MakeList({key, value}, true));
  }
  return runtime.MakeList(std::move(items));
}

Value Copy(Runtime& runtime, const Value& self, std::string_view name, const Arguments& arguments) {
  const Bound bound(runtime, name, arguments, {});
  return self;
}

Value Changes(Runtime& runtime, const Value& self, std::string_view name, const Arguments& /*arguments*/) {
  runtime.Fail(StrCat(name, "() would change ", self.TypeName(),
                      "; templates cannot: make a new one (list + [item]) or use namespace()"));
}

Value Unsupported(Runtime& runtime, const Value& self, std::string_view name, const Arguments& /*arguments*/) {
  runtime.Fail(StrCat("the method ", name, "() of ", self.TypeName(), " is not supported"));
}

constexpr std::array kTextMethods = {
    Entry{"strip", Strip},
    Entry{"lstrip", Strip},
    Entry{"rstrip", Strip},
    Entry{"split", Split},
    Entry{"rsplit", Split},
    Entry{"splitlines", Splitlines},
    Entry{"partition", Partition},
    Entry{"rpartition", Partition},
    Entry{"startswith", StartsOrEndsWith},
    Entry{"endswith", StartsOrEndsWith},
    Entry{"removeprefix", RemoveAffix},
    Entry{"removesuffix", RemoveAffix},
    Entry{"replace", Replace},
    Entry{"upper", ChangeCase},
    Entry{"lower", ChangeCase},
    Entry{"title", ChangeCase},
    Entry{"capitalize", ChangeCase},
    Entry{"isalpha", Classify},
    Entry{"isdigit", Classify},
    Entry{"isalnum", Classify},
    Entry{"isspace", Classify},
    Entry{"isupper", Classify},
    Entry{"islower", Classify},
    Entry{"find", Find},
    Entry{"rfind", Find},
    Entry{"index", Find},
    Entry{"rindex", Find},
    Entry{"count", CountText},
    Entry{"join", JoinText},
    Entry{"ljust", Justify},
    Entry{"rjust", Justify},
    Entry{"center", Justify},
    Entry{"zfill", Justify},
    Entry{"format", Format},
    Entry{"encode", Unsupported},
    Entry{"format_map", Unsupported},
    Entry{"casefold", Unsupported},
    Entry{"swapcase", Unsupported},
    Entry{"translate", Unsupported},
    Entry{"expandtabs", Unsupported},
    Entry{"isnumeric", Unsupported},
    Entry{"isdecimal", Unsupported},
    Entry{"istitle", Unsupported},
    Entry{"isidentifier", Unsupported},
    Entry{"isascii", Unsupported},
    Entry{"isprintable", Unsupported},
};

constexpr std::array kListMethods = {
    Entry{"index", ListFind},  Entry{"count", ListFind}, Entry{"copy", Copy},     Entry{"append", Changes},
    Entry{"extend", Changes},  Entry{"insert", Changes}, Entry{"pop", Changes},   Entry{"remove", Changes},
    Entry{"reverse", Changes}, Entry{"sort", Changes},   Entry{"clear", Changes},
};

constexpr std::array kDictMethods = {
    Entry{"get", DictGet},        Entry{"items", DictView}, Entry{"keys", DictView}, Entry{"values", DictView},
    Entry{"copy", Copy},          Entry{"update", Changes}, Entry{"pop", Changes},   Entry{"popitem", Changes},
    Entry{"setdefault", Changes}, Entry{"clear", Changes},
};

template <class Entries>
Function FindIn(const Entries& entries, std::string_view name) {
  const auto found =
      std::find_if(entries.begin(), entries.end(), [&](const Entry& entry) { return entry.name == name; });
  return found == entries.end() ? nullptr : found->function;
}

Function FindMethod(const Value& self, std::string_view name) {
  if (self.text() != nullptr) return FindIn(kTextMethods, name);
  if (self.list() != nullptr) return FindIn(kListMethods, name);
  if (self.dict() != nullptr) return FindIn(kDictMethods, name);
  return nullptr;
}

}  // namespace

bool HasMethod(const Value& self, std::string_view name) { return FindMethod(self, name) != nullptr; }

Value CallMethod(Runtime& runtime, const Method& method, const Arguments& arguments) {
  return FindMethod(method.self, method.name)(runtime, method.self, method.name, arguments);
}

}  // namespace w8a16::jinja
