#include "checkpoint/pickle.h"

#include <algorithm>
#include <array>
#include <deque>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "base/strings.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

// The operations of CPython's Lib/pickle.py that torch.save needs for tensors, strings, numbers, lists and dicts.
enum Op : uint8_t {
  kProto = 0x80,
  kFrame = 0x95,
  kStop = '.',
  kMark = '(',
  kNone = 'N',
  kTrue = 0x88,
  kFalse = 0x89,
  kBinInt = 'J',
  kBinInt1 = 'K',
  kBinInt2 = 'M',
  kLong1 = 0x8a,
  kBinFloat = 'G',
  kBinUnicode = 'X',
  kShortBinUnicode = 0x8c,
  kEmptyTuple = ')',
  kTuple = 't',
  kTuple1 = 0x85,
  kTuple2 = 0x86,
  kTuple3 = 0x87,
  kEmptyList = ']',
  kAppend = 'a',
  kAppends = 'e',
  kEmptyDict = '}',
  kSetItem = 's',
  kSetItems = 'u',
  kBinPut = 'q',
  kLongBinPut = 'r',
  kMemoize = 0x94,
  kBinGet = 'h',
  kLongBinGet = 'j',
  kGlobal = 'c',
  kStackGlobal = 0x93,
  kReduce = 'R',
  kBuild = 'b',
  kBinPersId = 'Q',
};

enum class Callable : uint8_t { kStorageType, kRebuildTensor, kRebuildParameter, kOrderedDict };

struct Name {
  std::string_view module;
  std::string_view name;
  Callable callable;
  DType dtype = DType::kF32;  // of a storage type
};

// All names that a file may refer to; none of them is Python's own to import.
constexpr std::array<Name, 13> kNames = {{
    {"torch._utils", "_rebuild_tensor_v2", Callable::kRebuildTensor},
    {"torch._utils", "_rebuild_parameter", Callable::kRebuildParameter},
    {"collections", "OrderedDict", Callable::kOrderedDict},
    {"torch", "FloatStorage", Callable::kStorageType, DType::kF32},
    {"torch", "HalfStorage", Callable::kStorageType, DType::kF16},
    {"torch", "BFloat16Storage", Callable::kStorageType, DType::kBF16},
    {"torch", "DoubleStorage", Callable::kStorageType, DType::kF64},
    {"torch", "LongStorage", Callable::kStorageType, DType::kI64},
    {"torch", "IntStorage", Callable::kStorageType, DType::kI32},
    {"torch", "ShortStorage", Callable::kStorageType, DType::kI16},
    {"torch", "CharStorage", Callable::kStorageType, DType::kI8},
    {"torch", "ByteStorage", Callable::kStorageType, DType::kU8},
    {"torch", "BoolStorage", Callable::kStorageType, DType::kBool},
}};

enum class Kind : uint8_t {
  kMark,
  kNone,
  kBool,
  kInt,
  kFloat,
  kString,
  kTuple,
  kList,
  kDict,
  kName,
  kStorage,
  kTensor
};

constexpr std::array<std::string_view, 12> kKindNames = {"a mark",  "None",       "a bool",    "an int",
                                                         "a float", "a string",   "a tuple",   "a list",
                                                         "a dict",  "a function", "a storage", "a tensor"};

struct Value {
  Kind kind = Kind::kNone;
  int64_t number = 0;          // of an int; of a storage its elements
  std::string_view text = {};  // of a string; of a storage its key. Lies in the file
  const Name* name = nullptr;  // of a function; of a storage its type
  std::vector<Value*> items =
      {};  // of a tuple or list; of a dict key, value, key, value, ...; of a tensor its arguments
};

class Interpreter {
 public:
  Interpreter(std::span<const std::byte> bytes, const std::string& file)
      : text_(reinterpret_cast<const char*>(bytes.data()), bytes.size()), file_(file) {
    if (bytes.size() > kMaxPickle) Fail(StrCat("it is longer than ", kMaxPickle, " bytes"));
  }

  std::vector<PickledTensor> Run() {
    if (Byte() != kProto) Fail("it does not begin with a protocol number");
    if (const uint8_t protocol = Byte(); protocol < 2 || protocol > 5) {
      Fail(StrCat("protocol ", int{protocol}, " is not known; 2 to 5 are"));
    }
    for (;;) {
      op_at_ = at_;
      const uint8_t op = Byte();
      if (op == kStop) return StateDict(Pop());
      Step(op);
    }
  }

 private:
  [[noreturn]] void Fail(const std::string& reason) const {
    throw Error(StrCat(file_, ": the pickled description of its tensors is malformed at byte ", op_at_, ": ", reason,
                       "; download or copy it again"));
  }
  // For what Python would do and this reader never does.
  [[noreturn]] void Refuse(const std::string& what) const {
    throw Error(StrCat(file_, ": its pickle ", what, ", which a list of tensors does not need; nothing was executed. ",
                       "Use the safetensors files of the model, or, if you trust this file, load it with PyTorch and ",
                       "save the tensors alone: torch.save(model.state_dict(), ...)"));
  }

  std::string_view Take(uint64_t size) {
    if (size > text_.size() - at_) Fail("it ends in the middle");
    const std::string_view taken = text_.substr(at_, size);
    at_ += size;
    return taken;
  }
  uint8_t Byte() { return static_cast<uint8_t>(Take(1)[0]); }
  uint64_t Number(int size) {
    const std::string_view bytes = Take(static_cast<uint64_t>(size));
    uint64_t value = 0;
    for (int i = size - 1; i >= 0; --i) value = value << 8 | static_cast<uint8_t>(bytes[i]);
    return value;
  }
  int64_t SignedNumber(int size) {
    const int shift = 64 - 8 * size;
    return size == 0 ? 0 : static_cast<int64_t>(Number(size) << shift) >> shift;
  }
  std::string_view Line() {
    const size_t end = text_.find('\n', at_);
    if (end == std::string_view::npos) Fail("it ends in the middle of a name");
    const std::string_view line = Take(end - at_);
    Take(1);
    return line;
  }

  Value* Push(Value value) {
    values_.push_back(std::move(value));
    stack_.push_back(&values_.back());
    return stack_.back();
  }
  Value* Pop() {
    if (stack_.empty() || stack_.back()->kind == Kind::kMark) Fail("a value is missing");
    Value* value = stack_.back();
    stack_.pop_back();
    return value;
  }
  Value* Pop(Kind kind) {
    Value* value = Pop();
    if (value->kind != kind) {
      Fail(StrCat(KindName(*value), " stands where ", kKindNames[static_cast<size_t>(kind)], " is expected"));
    }
    return value;
  }
  Value* Top(Kind kind) {
    Value* value = Pop(kind);
    stack_.push_back(value);
    return value;
  }
  // What lies above the topmost mark, which goes too.
  std::vector<Value*> PopToMark() {
    const auto mark =
        std::find_if(stack_.rbegin(), stack_.rend(), [](const Value* v) { return v->kind == Kind::kMark; });
    if (mark == stack_.rend()) Fail("a mark is missing");
    std::vector<Value*> values(mark.base(), stack_.end());
    stack_.resize(static_cast<size_t>(mark.base() - stack_.begin()) - 1);
    return values;
  }
  std::vector<Value*> PopSeveral(size_t count) {
    std::vector<Value*> values(count);
    for (size_t i = count; i-- > 0;) values[i] = Pop();
    return values;
  }
  static std::string_view KindName(const Value& value) { return kKindNames[static_cast<size_t>(value.kind)]; }

  void PushSequence(Kind kind, std::vector<Value*> items) { Push({.kind = kind, .items = std::move(items)}); }
  void PushString(uint64_t bytes) { Push({.kind = Kind::kString, .text = Take(bytes)}); }
  void PushInt(int64_t number) { Push({.kind = Kind::kInt, .number = number}); }
  void Extend(Kind kind, const std::vector<Value*>& items) {
    if (kind == Kind::kDict && items.size() % 2 != 0) Fail("a key has no value");
    std::vector<Value*>& into = Top(kind)->items;
    into.insert(into.end(), items.begin(), items.end());
  }
  void Put(uint64_t slot) {
    if (stack_.empty()) Fail("a value is missing");
    memo_[slot] = stack_.back();
  }
  void Get(uint64_t slot) {
    const auto found = memo_.find(slot);
    if (found == memo_.end()) Fail(StrCat("value number ", slot, " is used before it is made"));
    stack_.push_back(found->second);
  }

  void Step(uint8_t op) {
    switch (op) {
      case kFrame:
        Number(8);
        return;
      case kMark:
        Push({.kind = Kind::kMark});
        return;
      case kNone:
        Push({.kind = Kind::kNone});
        return;
      case kTrue:
        Push({.kind = Kind::kBool, .number = 1});
        return;
      case kFalse:
        Push({.kind = Kind::kBool});
        return;
      case kBinInt:
        PushInt(SignedNumber(4));
        return;
      case kBinInt1:
        PushInt(Byte());
        return;
      case kBinInt2:
        PushInt(static_cast<int64_t>(Number(2)));
        return;
      case kLong1:
        PushLong();
        return;
      case kBinFloat:
        Take(8);
        Push({.kind = Kind::kFloat});
        return;
      case kBinUnicode:
        PushString(Number(4));
        return;
      case kShortBinUnicode:
        PushString(Byte());
        return;
      case kEmptyTuple:
        PushSequence(Kind::kTuple, {});
        return;
      case kTuple:
        PushSequence(Kind::kTuple, PopToMark());
        return;
      case kTuple1:
        PushSequence(Kind::kTuple, PopSeveral(1));
        return;
      case kTuple2:
        PushSequence(Kind::kTuple, PopSeveral(2));
        return;
      case kTuple3:
        PushSequence(Kind::kTuple, PopSeveral(3));
        return;
      case kEmptyList:
        PushSequence(Kind::kList, {});
        return;
      case kAppend:
        Extend(Kind::kList, PopSeveral(1));
        return;
      case kAppends:
        Extend(Kind::kList, PopToMark());
        return;
      case kEmptyDict:
        PushSequence(Kind::kDict, {});
        return;
      case kSetItem:
        Extend(Kind::kDict, PopSeveral(2));
        return;
      case kSetItems:
        Extend(Kind::kDict, PopToMark());
        return;
      case kBinPut:
        Put(Byte());
        return;
      case kLongBinPut:
        Put(Number(4));
        return;
      case kMemoize:
        Put(memo_.size());
        return;
      case kBinGet:
        Get(Byte());
        return;
      case kLongBinGet:
        Get(Number(4));
        return;
      default:
        StepObject(op);
    }
  }

  void StepObject(uint8_t op) {
    switch (op) {
      case kGlobal: {
        const std::string_view module = Line();
        PushName(module, Line());
        return;
      }
      case kStackGlobal: {
        const std::string_view name = Pop(Kind::kString)->text;
        PushName(Pop(Kind::kString)->text, name);
        return;
      }
      case kReduce: {
        const Value* arguments = Pop(Kind::kTuple);
        Call(*Pop(Kind::kName)->name, *arguments);
        return;
      }
      case kBuild:
        // The attributes of an OrderedDict: PyTorch keeps the versions of modules there.
        Pop();
        Top(Kind::kDict);
        return;
      case kBinPersId:
        PushStorage(*Pop(Kind::kTuple));
        return;
      default: {
        const bool printable = op > ' ' && op < 0x7F;
        Refuse(StrCat("has the operation ", printable ? StrCat("'", static_cast<char>(op), "'") : StrCat(int{op}),
                      " at byte ", op_at_));
      }
    }
  }

  void PushLong() {
    const uint8_t size = Byte();
    if (size > 8) Fail("a number is longer than 64 bits");
    PushInt(SignedNumber(size));
  }

  void PushName(std::string_view module, std::string_view name) {
    for (const Name& known : kNames) {
      if (known.module == module && known.name == name) {
        Push({.kind = Kind::kName, .name = &known});
        return;
      }
    }
    std::string shown = StrCat(module.substr(0, 100), ".", name.substr(0, 100));
    for (char& c : shown) {
      if (c < ' ' || c > '~') c = '?';
    }
    Refuse(StrCat("names ", shown));
  }

  // ("storage", type, key, device, elements)
  void PushStorage(const Value& id) {
    const std::vector<Value*>& parts = id.items;
    const bool storage = parts.size() >= 5 && parts[0]->kind == Kind::kString && parts[0]->text == "storage" &&
                         parts[1]->kind == Kind::kName && parts[1]->name->callable == Callable::kStorageType &&
                         parts[2]->kind == Kind::kString && parts[4]->kind == Kind::kInt && parts[4]->number >= 0;
    if (!storage) Fail("a reference to a storage is not (\"storage\", type, key, device, elements)");
    Push({.kind = Kind::kStorage, .number = parts[4]->number, .text = parts[2]->text, .name = parts[1]->name});
  }

  void Call(const Name& function, const Value& arguments) {
    const std::vector<Value*>& items = arguments.items;
    switch (function.callable) {
      case Callable::kOrderedDict:
        if (!items.empty()) Fail("OrderedDict is made from arguments");
        PushSequence(Kind::kDict, {});
        return;
      case Callable::kRebuildParameter:
        if (items.empty() || items[0]->kind != Kind::kTensor) {
          Fail("a parameter is made of something else than a tensor");
        }
        stack_.push_back(items[0]);
        return;
      case Callable::kRebuildTensor:
        if (items.size() < 4 || items[0]->kind != Kind::kStorage || items[1]->kind != Kind::kInt ||
            !IsSizes(*items[2]) || !IsSizes(*items[3]) || items[1]->number < 0 ||
            items[2]->items.size() != items[3]->items.size()) {
          Fail("a tensor is not made of a storage, an offset, sizes and strides");
        }
        PushSequence(Kind::kTensor, items);
        return;
      case Callable::kStorageType:
        break;
    }
    Refuse(StrCat("calls ", function.module, ".", function.name));
  }

  static bool IsSizes(const Value& value) {
    return value.kind == Kind::kTuple && value.items.size() <= kMaxPickledDims &&
           std::all_of(value.items.begin(), value.items.end(),
                       [](const Value* item) { return item->kind == Kind::kInt && item->number >= 0; });
  }
  static std::vector<int64_t> Sizes(const Value& tuple) {
    std::vector<int64_t> sizes;
    for (const Value* item : tuple.items) sizes.push_back(item->number);
    return sizes;
  }

  std::vector<PickledTensor> StateDict(const Value* top) const {
    if (top->kind != Kind::kDict) {
      throw Error(StrCat(file_, ": it holds ", KindName(*top), ", not a dict from names to tensors; save ",
                         "model.state_dict() with torch.save"));
    }
    std::vector<PickledTensor> tensors;
    std::unordered_set<std::string_view> names;
    for (size_t i = 0; i < top->items.size(); i += 2) {
      const Value& key = *top->items[i];
      const Value& value = *top->items[i + 1];
      if (key.kind != Kind::kString) throw Error(StrCat(file_, ": a tensor has ", KindName(key), " for a name"));
      if (value.kind != Kind::kTensor) {
        throw Error(StrCat(file_, ": \"", key.text.substr(0, 200), "\" is ", KindName(value), ", not a tensor; save ",
                           "model.state_dict() alone with torch.save"));
      }
      if (!names.insert(key.text).second) {
        throw Error(StrCat(file_, ": tensor \"", key.text.substr(0, 200), "\": its name stands twice"));
      }
      const Value& storage = *value.items[0];
      tensors.push_back({.name = key.text,
                         .storage = storage.text,
                         .dtype = storage.name->dtype,
                         .storage_elements = static_cast<uint64_t>(storage.number),
                         .offset = static_cast<uint64_t>(value.items[1]->number),
                         .shape = Sizes(*value.items[2]),
                         .strides = Sizes(*value.items[3])});
    }
    return tensors;
  }

  std::string_view text_;
  const std::string& file_;
  size_t at_ = 0;
  size_t op_at_ = 0;
  std::deque<Value> values_;  // all that were made: containers may hold each other in a circle
  std::vector<Value*> stack_;
  std::unordered_map<uint64_t, Value*> memo_;
};

}  // namespace

std::vector<PickledTensor> ReadStateDict(std::span<const std::byte> bytes, const std::string& file) {
  return Interpreter(bytes, file).Run();
}

}  // namespace w8a16
