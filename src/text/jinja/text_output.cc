#include <algorithm>
#include <cmath>

#include "base/strings.h"
#include "text/jinja/operations.h"
#include "text/jinja/python_text.h"
#include "text/utf8.h"

namespace w8a16::jinja {
namespace {

std::string NumberText(const Value& number) {
  if (number.IsBool()) return number.As<bool>() ? "True" : "False";
  return number.Is<int64_t>() ? std::to_string(number.As<int64_t>()) : FloatText(number.As<double>());
}

void AppendRepr(Runtime& runtime, const Value& value, std::string& out);

void AppendList(Runtime& runtime, const List& list, std::string& out) {
  out += list.tuple ? '(' : '[';
  for (size_t i = 0; i < list.items.size(); ++i) {
    if (i > 0) out += ", ";
    AppendRepr(runtime, list.items[i], out);
  }
  if (list.tuple && list.items.size() == 1) out += ',';
  out += list.tuple ? ')' : ']';
}

void AppendDict(Runtime& runtime, const Dict& dict, std::string& out) {
  out += '{';
  for (size_t i = 0; i < dict.items.size(); ++i) {
    if (i > 0) out += ", ";
    AppendRepr(runtime, dict.items[i].first, out);
    out += ": ";
    AppendRepr(runtime, dict.items[i].second, out);
  }
  out += '}';
}

void AppendRepr(Runtime& runtime, const Value& value, std::string& out) {
  runtime.Spend(1);
  if (value.IsNone()) {
    out += "None";
  } else if (value.IsUndefined()) {
    out += "Undefined";
  } else if (value.IsNumber()) {
    out += NumberText(value);
  } else if (const std::string* text = value.text()) {
    runtime.SpendText(text->size());
    out += QuotedText(*text);
  } else if (const List* list = value.list()) {
    AppendList(runtime, *list, out);
  } else if (const Dict* dict = value.dict()) {
    AppendDict(runtime, *dict, out);
  } else {
    runtime.Fail(StrCat(value.TypeName(), " cannot be printed"));
  }
}

/// Writes one value as json.dumps does.
class JsonWriter {
 public:
  JsonWriter(Runtime& runtime, const JsonStyle& style) : runtime_(runtime), style_(style) {}

  void Write(const Value& value) {
    runtime_.Spend(1);
    if (value.IsNone()) {
      out_ += "null";
    } else if (value.IsBool()) {
      out_ += value.As<bool>() ? "true" : "false";
    } else if (value.IsNumber()) {
      out_ += Number(value);
    } else if (const std::string* text = value.text()) {
      Text(*text);
    } else if (const List* list = value.list()) {
      Sequence('[', ']', list->items, [&](const Value& item) { Write(item); });
    } else if (const Dict* dict = value.dict()) {
      Members(*dict);
    } else {
      RequireDefined(runtime_, value);
      runtime_.Fail(StrCat(value.TypeName(), " has no JSON form"));
    }
  }

  std::string Take() { return std::move(out_); }

 private:
  static std::string Number(const Value& value) {
    if (value.Is<int64_t>()) return std::to_string(value.As<int64_t>());
    const double number = value.As<double>();
    if (std::isnan(number)) return "NaN";
    if (std::isinf(number)) return number > 0 ? "Infinity" : "-Infinity";
    return FloatText(number);
  }

  void Text(const std::string& text) {
    runtime_.SpendText(text.size());
    out_ += JsonText(text, style_.ascii);
  }

  void Members(const Dict& dict) {
    std::vector<std::pair<Value, Value>> items = dict.items;
    if (style_.sort_keys) {
      std::stable_sort(items.begin(), items.end(),
                       [&](const auto& a, const auto& b) { return Less(runtime_, a.first, b.first); });
    }
    Sequence('{', '}', items, [&](const std::pair<Value, Value>& item) {
      const Value& key = item.first;
      if (const std::string* text = key.text()) {
        Text(*text);
      } else {
        out_ += '"';
        Write(key);
        out_ += '"';
      }
      out_ += style_.key_separator;
      Write(item.second);
    });
  }

  template <class Items, class WriteItem>
  void Sequence(char open, char close, const Items& items, WriteItem write_item) {
    out_ += open;
    ++level_;
    bool first = true;
    for (const auto& item : items) {
      if (!first) out_ += style_.item_separator;
      first = false;
      Indent();
      write_item(item);
    }
    --level_;
    if (!items.empty()) Indent();
    out_ += close;
  }

  void Indent() {
    if (!style_.indent) return;
    runtime_.SpendText(style_.indent->size() * level_);
    out_ += '\n';
    for (size_t i = 0; i < level_; ++i) out_ += *style_.indent;
  }

  Runtime& runtime_;
  const JsonStyle& style_;
  std::string out_;
  size_t level_ = 0;
};

/// One conversion of a % format: %[flags][width][.precision]type.
struct Conversion {
  bool left = false, zero = false, plus = false, blank = false;
  size_t width = 0;
  std::optional<int> precision;
  char type = 0;
};

constexpr size_t kWidest = 1000;

Conversion ReadConversion(Runtime& runtime, std::string_view format, size_t& at) {
  Conversion c;
  const auto peek = [&] { return at < format.size() ? format[at] : '\0'; };
  const auto number = [&] {
    size_t value = 0;
    for (; peek() >= '0' && peek() <= '9'; ++at) {
      value = std::min(kWidest + 1, value * 10 + static_cast<size_t>(peek() - '0'));
    }
    if (value > kWidest) runtime.Fail(StrCat("a format wider than ", kWidest, " characters"));
    return value;
  };
  for (;; ++at) {
    if (peek() == '-') {
      c.left = true;
    } else if (peek() == '0') {
      c.zero = true;
    } else if (peek() == '+') {
      c.plus = true;
    } else if (peek() == ' ') {
      c.blank = true;
    } else {
      break;
    }
  }
  c.width = number();
  if (peek() == '.') {
    ++at;
    c.precision = static_cast<int>(number());
  }
  if (at == format.size()) runtime.Fail("a format ends in the middle of a conversion");
  c.type = format[at++];
  return c;
}

std::string PadTo(std::string text, const Conversion& c, bool number) {
  const size_t length = CharacterCount(text);
  if (length >= c.width) return text;
  const size_t missing = c.width - length;
  if (c.left) return text + std::string(missing, ' ');
  if (!c.zero || !number) return std::string(missing, ' ') + text;
  const size_t sign = text.starts_with('-') || text.starts_with('+') || text.starts_with(' ') ? 1 : 0;
  return text.insert(sign, missing, '0');
}

std::string Converted(Runtime& runtime, const Conversion& c, const Value& value) {
  if (c.type == 's' || c.type == 'r') {
    const std::string text = c.type == 's' ? ToText(runtime, value) : ToRepr(runtime, value);
    if (!c.precision) return PadTo(text, c, false);
    std::string cut;
    for (const std::string_view character : Characters(text)) {
      if (CharacterCount(cut) == static_cast<size_t>(*c.precision)) break;
      cut += character;
    }
    return PadTo(cut, c, false);
  }
  if (!value.IsNumber()) {
    RequireDefined(runtime, value);
    runtime.Fail(StrCat("the format %", c.type, " takes a number, not ", value.TypeName()));
  }
  const double number = AsDouble(value);
  std::string text;
  if (c.type == 'd' || c.type == 'i') {
    const auto integer = AsInteger(value);
    if (!integer && !(std::abs(number) < 0x1p63)) runtime.Fail("a whole number is larger than 64 bits hold");
    text = std::to_string(integer ? *integer : static_cast<int64_t>(number));
  } else if (c.type == 'f' || c.type == 'F' || c.type == 'e' || c.type == 'g') {
    const std::string directive = StrCat("%.", c.precision.value_or(6), c.type);
    // A double of 300 digits before the point, and the precision.
    std::string buffer(kWidest + 400, '\0');
    buffer.resize(static_cast<size_t>(std::snprintf(buffer.data(), buffer.size(), directive.c_str(), number)));
    text = std::move(buffer);
  } else {
    runtime.Fail(StrCat("the format %", c.type, " is not supported; supported: %s %r %d %i %f %e %g %%"));
  }
  if (!text.starts_with('-') && c.plus) text.insert(0, 1, '+');
  if (!text.starts_with('-') && !c.plus && c.blank) text.insert(0, 1, ' ');
  return PadTo(text, c, true);
}

}  // namespace

std::string ToText(Runtime& runtime, const Value& value) {
  if (value.IsUndefined()) return {};
  if (const std::string* text = value.text()) {
    runtime.SpendText(text->size());
    return *text;
  }
  return ToRepr(runtime, value);
}

std::string ToRepr(Runtime& runtime, const Value& value) {
  std::string out;
  AppendRepr(runtime, value, out);
  return out;
}

std::string ToJson(Runtime& runtime, const Value& value, const JsonStyle& style) {
  JsonWriter writer(runtime, style);
  writer.Write(value);
  return writer.Take();
}

Value FormatPercent(Runtime& runtime, std::string_view format, const Arguments& arguments) {
  std::string out;
  size_t next = 0;
  for (size_t at = 0; at < format.size();) {
    if (format[at] != '%') {
      out += format[at++];
      continue;
    }
    ++at;
    if (at < format.size() && format[at] == '%') {
      out += '%';
      ++at;
      continue;
    }
    if (at < format.size() && format[at] == '(') {
      const size_t end = format.find(')', at);
      const std::string_view name = format.substr(at + 1, end == std::string_view::npos ? end : end - at - 1);
      const auto found = std::find_if(arguments.keyword.begin(), arguments.keyword.end(),
                                      [&](const auto& argument) { return argument.first == name; });
      if (end == std::string_view::npos || found == arguments.keyword.end()) {
        runtime.Fail(StrCat("the format names '", name, "', which is not given"));
      }
      at = end + 1;
      out += Converted(runtime, ReadConversion(runtime, format, at), found->second);
      continue;
    }
    const Conversion conversion = ReadConversion(runtime, format, at);
    if (next == arguments.positional.size()) runtime.Fail("there are fewer values than the format has places");
    out += Converted(runtime, conversion, arguments.positional[next++]);
  }
  if (next < arguments.positional.size()) runtime.Fail("there are more values than the format has places");
  return runtime.MakeText(std::move(out));
}

}  // namespace w8a16::jinja
