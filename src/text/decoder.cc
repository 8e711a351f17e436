#include "text/decoder.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "text/byte_alphabet.h"
#include "text/component.h"
#include "text/pattern.h"
#include "text/prepend_scheme.h"
#include "text/utf8.h"

namespace w8a16 {
namespace {

using Stage = std::unique_ptr<DecodeStage>;

/// Hands the end on; whoever holds text back overrides Finish.
class ChainedStage : public DecodeStage {
 public:
  explicit ChainedStage(Stage next) : next_(std::move(next)) {}
  void Finish() override { next_->Finish(); }

 protected:
  DecodeStage& next() { return *next_; }

 private:
  Stage next_;
};

/// For what must see tokens whole: puts those together that come in parts (behind Fuse and ByteLevel, which make one
/// token of all).
class WholeTokenStage : public ChainedStage {
 public:
  using ChainedStage::ChainedStage;
  void Push(std::string_view text, bool ends_token) final {
    if (!ends_token) {
      parts_ += text;
    } else if (parts_.empty()) {
      OnToken(text);
    } else {
      parts_ += text;
      OnToken(std::exchange(parts_, {}));
    }
  }

 protected:
  virtual void OnToken(std::string_view token) = 0;

 private:
  std::string parts_;
};

class DecoderSequence : public TokenDecoder {
 public:
  explicit DecoderSequence(const JsonNode& node) {
    for (const JsonNode& item : node.At("decoders").Elements()) items_.push_back(ParseDecoder(item));
  }
  Stage Start(Stage next) const override {
    for (auto item = items_.rbegin(); item != items_.rend(); ++item) next = (*item)->Start(std::move(next));
    return next;
  }

 private:
  std::vector<std::unique_ptr<TokenDecoder>> items_;
};

class ByteLevel : public TokenDecoder {
 public:
  Stage Start(Stage next) const override { return std::make_unique<Run>(std::move(next)); }

 private:
  class Run : public WholeTokenStage {
   public:
    using WholeTokenStage::WholeTokenStage;
    void Finish() override {
      std::string text;
      lossy_.Finish(text);
      next().Push(text, true);
      next().Finish();
    }

   protected:
    void OnToken(std::string_view token) override {
      std::string bytes;
      std::string text;
      AlphabetToBytes(token, bytes);
      lossy_.Push(bytes, text);
      if (!text.empty()) next().Push(text, false);
    }

   private:
    LossyUtf8 lossy_;
  };
};

class Replace : public TokenDecoder {
 public:
  explicit Replace(const JsonNode& node)
      : pattern_(Pattern::Parse(node.At("pattern"))), content_(node.At("content").String()) {}
  Stage Start(Stage next) const override { return std::make_unique<Run>(*this, std::move(next)); }

 private:
  class Run : public WholeTokenStage {
   public:
    Run(const Replace& replace, Stage next) : WholeTokenStage(std::move(next)), replace_(replace) {}

   protected:
    void OnToken(std::string_view token) override {
      next().Push(replace_.pattern_.Replace(token, replace_.content_), true);
    }

   private:
    const Replace& replace_;
  };

  Pattern pattern_;
  std::string content_;
};

/// Joins tokens "<0x00>" to "<0xFF>" to characters. A run of them that is ill-formed anywhere gives one U+FFFD for each
/// byte, so that nothing of a run is certain before its end.
class ByteFallback : public TokenDecoder {
 public:
  Stage Start(Stage next) const override { return std::make_unique<Run>(std::move(next)); }

 private:
  static int HexDigit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
  }
  // The byte that a token stands for, or -1.
  static int ByteOf(std::string_view token) {
    if (token.size() != 6 || !token.starts_with("<0x") || token.back() != '>') return -1;
    const int high = HexDigit(token[3]);
    const int low = HexDigit(token[4]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
  }

  class Run : public WholeTokenStage {
   public:
    using WholeTokenStage::WholeTokenStage;
    void Finish() override {
      EndRun();
      next().Finish();
    }

   protected:
    void OnToken(std::string_view token) override {
      const int byte = ByteOf(token);
      if (byte >= 0) {
        bytes_.push_back(static_cast<char>(byte));
      } else {
        EndRun();
        next().Push(token, true);
      }
    }

   private:
    void EndRun() {
      if (bytes_.empty()) return;
      if (IsWellFormedUtf8(bytes_)) {
        next().Push(bytes_, true);
      } else {
        for (size_t i = 0; i < bytes_.size(); ++i) next().Push("\xEF\xBF\xBD", true);
      }
      bytes_.clear();
    }

    std::string bytes_;
  };
};

/// Makes one token of all.
class Fuse : public TokenDecoder {
 public:
  Stage Start(Stage next) const override { return std::make_unique<Run>(std::move(next)); }

 private:
  class Run : public ChainedStage {
   public:
    using ChainedStage::ChainedStage;
    void Push(std::string_view text, bool) override {
      if (!text.empty()) next().Push(text, false);
    }
    void Finish() override {
      next().Push("", true);
      next().Finish();
    }
  };
};

/// Removes up to `start` and `stop` times a character from both ends of each token.
class Strip : public TokenDecoder {
 public:
  explicit Strip(const JsonNode& node)
      : start_(static_cast<size_t>(node.At("start").Integer(0, INT32_MAX))),
        stop_(static_cast<size_t>(node.At("stop").Integer(0, INT32_MAX))),
        content_(node.At("content").Character()) {}
  Stage Start(Stage next) const override { return std::make_unique<Run>(*this, std::move(next)); }

 private:
  class Run : public ChainedStage {
   public:
    Run(const Strip& strip, Stage next) : ChainedStage(std::move(next)), strip_(strip) {}

    void Push(std::string_view text, bool ends_token) override {
      const std::string& content = strip_.content_;
      while (at_start_ && stripped_ < strip_.start_ && text.starts_with(content)) {
        text.remove_prefix(content.size());
        ++stripped_;
      }
      if (!text.empty()) at_start_ = false;
      std::string out;
      size_t end = text.size();
      size_t trailing = 0;
      while (trailing < strip_.stop_ && text.substr(0, end).ends_with(content)) {
        end -= content.size();
        ++trailing;
      }
      // What was held back is still at the end only where this text has nothing else; of more than `stop` the first are
      // no longer among the last.
      const size_t certain = end > 0 ? held_ : held_ + trailing - std::min(held_ + trailing, strip_.stop_);
      for (size_t i = 0; i < certain; ++i) out += content;
      out += text.substr(0, end);
      held_ = held_ + trailing - certain;
      if (ends_token) {
        held_ = stripped_ = 0;
        at_start_ = true;
      }
      if (ends_token || !out.empty()) next().Push(out, ends_token);
    }

   private:
    const Strip& strip_;
    bool at_start_ = true;
    size_t stripped_ = 0;
    size_t held_ = 0;  // characters that go if the token ends here
  };

  size_t start_;
  size_t stop_;
  std::string content_;
};

/// Metaspace's character as a space; in the first token, where encoding prepended it, as nothing.
class Metaspace : public TokenDecoder {
 public:
  explicit Metaspace(const JsonNode& node)
      : replacement_(node.At("replacement").Character()),
        drops_first_(ParsePrependScheme(node) != PrependScheme::kNever) {}
  Stage Start(Stage next) const override { return std::make_unique<Run>(*this, std::move(next)); }

 private:
  class Run : public ChainedStage {
   public:
    Run(const Metaspace& metaspace, Stage next) : ChainedStage(std::move(next)), metaspace_(metaspace) {}

    void Push(std::string_view text, bool ends_token) override {
      const bool drops = first_ && metaspace_.drops_first_;
      next().Push(metaspace_.replacement_.Replace(text, drops ? "" : " "), ends_token);
      if (ends_token) first_ = false;
    }

   private:
    const Metaspace& metaspace_;
    bool first_ = true;
  };

  Pattern replacement_;
  bool drops_first_;
};

/// The suffix that ends words as a space; in the last token as nothing.
class BpeDecoder : public TokenDecoder {
 public:
  explicit BpeDecoder(const JsonNode& node) : suffix_(node.At("suffix").String()) {}
  Stage Start(Stage next) const override { return std::make_unique<Run>(suffix_, std::move(next)); }

 private:
  class Run : public WholeTokenStage {
   public:
    Run(const Pattern& suffix, Stage next) : WholeTokenStage(std::move(next)), suffix_(suffix) {}
    void Finish() override {
      if (has_last_) next().Push(suffix_.Replace(last_, ""), true);
      next().Finish();
    }

   protected:
    void OnToken(std::string_view token) override {
      if (has_last_) next().Push(suffix_.Replace(last_, " "), true);
      last_ = token;
      has_last_ = true;
    }

   private:
    const Pattern& suffix_;
    std::string last_;  // held back: it may be the last of all
    bool has_last_ = false;
  };

  Pattern suffix_;
};

// " ." as "." and the like: what English text has no space before (clean_up_tokenization_spaces).
std::string WithoutOddSpaces(std::string text) {
  static const std::pair<Pattern, std::string> kRules[] = {
      {Pattern(" ."), "."},   {Pattern(" ?"), "?"},     {Pattern(" !"), "!"},    {Pattern(" ,"), ","},
      {Pattern(" ' "), "'"},  {Pattern(" n't"), "n't"}, {Pattern(" 'm"), "'m"},  {Pattern(" do not"), " don't"},
      {Pattern(" 's"), "'s"}, {Pattern(" 've"), "'ve"}, {Pattern(" 're"), "'re"}};
  for (const auto& [pattern, content] : kRules) text = pattern.Replace(text, content);
  return text;
}

/// A space before each token but the first and those that continue a word, whose prefix goes.
class WordPiece : public TokenDecoder {
 public:
  explicit WordPiece(const JsonNode& node) : prefix_(node.At("prefix").String()), cleanup_(node.At("cleanup").Bool()) {}
  Stage Start(Stage next) const override { return std::make_unique<Run>(*this, std::move(next)); }

 private:
  class Run : public WholeTokenStage {
   public:
    Run(const WordPiece& word_piece, Stage next) : WholeTokenStage(std::move(next)), word_piece_(word_piece) {}

   protected:
    void OnToken(std::string_view token) override {
      const bool continues = token.starts_with(word_piece_.prefix_);
      if (!first_ && continues) token.remove_prefix(word_piece_.prefix_.size());
      std::string text(!first_ && !continues ? 1 : 0, ' ');
      text += token;
      first_ = false;
      next().Push(word_piece_.cleanup_ ? WithoutOddSpaces(std::move(text)) : text, true);
    }

   private:
    const WordPiece& word_piece_;
    bool first_ = true;
  };

  std::string prefix_;
  bool cleanup_;
};

class Spacing : public TokenDecoder {
 public:
  Stage Start(Stage next) const override { return std::make_unique<Run>(std::move(next)); }

 private:
  class Run : public ChainedStage {
   public:
    using ChainedStage::ChainedStage;
    void Push(std::string_view text, bool ends_token) override {
      if (!first_) next().Push(" ", false);
      first_ = false;
      next().Push(text, ends_token);
    }

   private:
    bool first_ = true;
  };
};

}  // namespace

std::unique_ptr<TokenDecoder> ParseDecoder(const JsonNode& node) {
  static constexpr ComponentType<TokenDecoder> kTypes[] = {
      {"Sequence", Make<TokenDecoder, DecoderSequence>}, {"ByteLevel", MakePlain<TokenDecoder, ByteLevel>},
      {"Replace", Make<TokenDecoder, Replace>},          {"ByteFallback", MakePlain<TokenDecoder, ByteFallback>},
      {"Fuse", MakePlain<TokenDecoder, Fuse>},           {"Strip", Make<TokenDecoder, Strip>},
      {"Metaspace", Make<TokenDecoder, Metaspace>},      {"BPEDecoder", Make<TokenDecoder, BpeDecoder>},
      {"WordPiece", Make<TokenDecoder, WordPiece>},
  };
  return MakeComponent<TokenDecoder>(node, kTypes);
}

std::unique_ptr<TokenDecoder> MakeSpacingDecoder() { return std::make_unique<Spacing>(); }

}  // namespace w8a16
