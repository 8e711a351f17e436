#include "text/tokenizer.h"

#include <algorithm>
#include <utility>

#include "base/strings.h"
#include "checkpoint/json.h"
#include "text/added_tokens.h"
#include "text/decoder.h"
#include "text/json_node.h"
#include "text/normalizer.h"
#include "text/post_processor.h"
#include "text/pre_tokenizer.h"
#include "text/token_model.h"
#include "text/tokenizer_directory.h"
#include "text/utf8.h"

namespace w8a16 {
namespace {

/// The end of the chain of decoders.
class StringSink : public DecodeStage {
 public:
  explicit StringSink(std::string& out) : out_(out) {}
  void Push(std::string_view text, bool) override { out_ += text; }
  void Finish() override {}

 private:
  std::string& out_;
};

}  // namespace

struct Tokenizer::Impl {
  std::unique_ptr<Normalizer> normalizer;  // null: none, as for the next two
  std::unique_ptr<PreTokenizer> pre_tokenizer;
  std::unique_ptr<PostProcessor> post_processor;
  std::unique_ptr<TokenModel> model;
  std::unique_ptr<TokenDecoder> decoder;
  AddedTokens added;

  explicit Impl(TokenizerDefinition definition);

  const std::string* TextOf(int32_t id) const {
    const std::string* text = added.vocabulary().Text(id);
    return text != nullptr ? text : model->vocabulary().Text(id);
  }

  std::unique_ptr<DecodeStage> StartDecoding(std::string& out) const {
    return decoder->Start(std::make_unique<StringSink>(out));
  }
  void Feed(DecodeStage& stages, int32_t id, bool skip_special) const {
    if (skip_special && added.IsSpecial(id)) return;
    if (const std::string* text = TextOf(id)) stages.Push(*text, true);
  }

  void EncodeText(std::string_view text, bool starts_text, TokenModel::Session& session,
                  std::vector<int32_t>& ids) const;
};

Tokenizer::Impl::Impl(TokenizerDefinition definition)
    : normalizer(std::move(definition.normalizer)), model(std::move(definition.model)) {
  const JsonNode root(definition.document, definition.source);
  if (const auto node = root.Find("normalizer")) normalizer = ParseNormalizer(*node);
  if (const auto node = root.Find("pre_tokenizer")) pre_tokenizer = ParsePreTokenizer(*node);
  if (!model) model = ParseTokenModel(root.At("model"));
  const auto decoder_node = root.Find("decoder");
  decoder = decoder_node ? ParseDecoder(*decoder_node) : MakeSpacingDecoder();
  if (const auto node = root.Find("added_tokens")) added = AddedTokens(*node, model->vocabulary(), normalizer.get());
  if (const auto node = root.Find("post_processor")) {
    post_processor = ParsePostProcessor(*node);
    std::vector<int32_t> ids;
    post_processor->Apply(ids);
    for (const int32_t id : ids) {
      if (TextOf(id) == nullptr) node->Fail(StrCat("adds the id ", id, ", which is not in the vocabulary"));
    }
  }
}

// Text in which no raw added token stands.
void Tokenizer::Impl::EncodeText(std::string_view text, bool starts_text, TokenModel::Session& session,
                                 std::vector<int32_t>& ids) const {
  std::string owned;
  if (normalizer) text = owned = normalizer->Apply(std::string(text));
  for (const auto& part : added.Split(text, true)) {
    if (part.id >= 0) {
      ids.push_back(part.id);
      continue;
    }
    Pieces pieces(std::string(text.substr(part.begin, part.end - part.begin)), starts_text && part.begin == 0);
    if (pre_tokenizer) pre_tokenizer->Apply(pieces);
    for (size_t i = 0; i < pieces.list.size(); ++i) session.Encode(pieces[i], ids);
  }
}

Tokenizer Tokenizer::Load(const std::filesystem::path& directory) {
  return Tokenizer(std::make_shared<const Impl>(ReadTokenizerDirectory(directory)));
}

bool Tokenizer::IsIn(const std::filesystem::path& directory) { return HasTokenizer(directory); }

Tokenizer Tokenizer::Parse(std::string_view json, std::string_view source) {
  TokenizerDefinition definition;
  definition.source = source;
  definition.document = ParseJson(json, source);
  return Tokenizer(std::make_shared<const Impl>(std::move(definition)));
}

std::vector<int32_t> Tokenizer::Encode(std::string_view text, bool add_special_tokens) const {
  std::string well_formed;
  if (!IsWellFormedUtf8(text)) text = well_formed = ToWellFormedUtf8(text);
  std::vector<int32_t> ids;
  const auto session = impl_->model->Start();
  for (const auto& part : impl_->added.Split(text, false)) {
    if (part.id >= 0) {
      ids.push_back(part.id);
    } else {
      impl_->EncodeText(text.substr(part.begin, part.end - part.begin), part.begin == 0, *session, ids);
    }
  }
  if (add_special_tokens && impl_->post_processor) impl_->post_processor->Apply(ids);
  return ids;
}

std::string Tokenizer::Decode(std::span<const int32_t> ids, bool skip_special_tokens) const {
  std::string text;
  const auto stages = impl_->StartDecoding(text);
  for (const int32_t id : ids) impl_->Feed(*stages, id, skip_special_tokens);
  stages->Finish();
  return text;
}

int32_t Tokenizer::vocab_size() const {
  return std::max(impl_->model->vocabulary().size(), impl_->added.vocabulary().size());
}

int32_t Tokenizer::TokenToId(std::string_view token) const {
  const int32_t id = impl_->added.vocabulary().Find(token);
  return id >= 0 ? id : impl_->model->vocabulary().Find(token);
}

std::string Tokenizer::IdToToken(int32_t id) const {
  const std::string* text = impl_->TextOf(id);
  return text != nullptr ? *text : std::string();
}

bool Tokenizer::IsSpecial(int32_t id) const { return impl_->added.IsSpecial(id); }

StreamDecoder::StreamDecoder(Tokenizer tokenizer, bool skip_special_tokens)
    : tokenizer_(std::move(tokenizer)), skip_special_(skip_special_tokens), output_(std::make_unique<std::string>()) {
  Start();
}

StreamDecoder::~StreamDecoder() = default;
StreamDecoder::StreamDecoder(StreamDecoder&&) noexcept = default;
StreamDecoder& StreamDecoder::operator=(StreamDecoder&&) noexcept = default;

void StreamDecoder::Start() { stages_ = tokenizer_.impl_->StartDecoding(*output_); }

std::string StreamDecoder::Next(int32_t id) {
  tokenizer_.impl_->Feed(*stages_, id, skip_special_);
  return std::exchange(*output_, {});
}

std::string StreamDecoder::Finish() {
  stages_->Finish();
  Start();
  return std::exchange(*output_, {});
}

}  // namespace w8a16
