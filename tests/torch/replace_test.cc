#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <sstream>
#include <string>
#include <vector>

#include "w8a16/torch.h"

namespace w8a16 {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;
using torch::Tensor;

template <class Call>
std::string MessageOf(const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(W8A16LinearLayer, QuantizesAndComputes) {
  W8A16LinearLayer layer(W8A16LinearLayerOptions(4, 8).bias(true));
  EXPECT_THAT(MessageOf([&] { layer->forward(torch::randn({2, 4})); }), HasSubstr("call quantize(weights) or load"));
  const Tensor weights = torch::randn({8, 4});
  layer->quantize(weights);
  layer->bias.uniform_();
  const Tensor x = torch::randn({2, 4});
  EXPECT_TRUE(torch::equal(layer(x), linear(x, layer->int8_weights, layer->scales, layer->bias)));
  std::ostringstream text;
  text << layer;
  EXPECT_EQ(text.str(), "w8a16::W8A16LinearLayer(in_features=4, out_features=8, bias=true, scales=Float)");
}

TEST(W8A16LinearLayer, BadWeightsLeaveItUnchanged) {
  W8A16LinearLayer layer(3, 2);
  layer->quantize(torch::ones({2, 3}));
  const Tensor before = layer->int8_weights.clone();
  EXPECT_THAT(MessageOf([&] {
                layer->quantize(torch::ones({3, 2}));
              }),
              HasSubstr("has shape [3, 2], but this layer needs [2, 3]"));
  EXPECT_THAT(MessageOf([&] {
                layer->quantize(torch::ones({2, 3}, torch::kDouble));
              }),
              HasSubstr("float32, bfloat16 or float16"));
  EXPECT_THAT(MessageOf([&] { layer->quantize(torch::full({2, 3}, NAN)); }), HasSubstr("row 0, column 0"));
  EXPECT_TRUE(torch::equal(layer->int8_weights, before));
  EXPECT_THAT(MessageOf([] { W8A16LinearLayer(-1, 2); }), HasSubstr("negative size"));
}

TEST(W8A16LinearLayer, ConversionsKeepWeightsAndScales) {
  W8A16LinearLayer layer(3, 2);
  layer->quantize(torch::randn({2, 3}));
  const Tensor q = layer->int8_weights.clone();
  layer->to(torch::kHalf);
  layer->to(torch::kCPU, torch::kHalf);
  EXPECT_EQ(layer->bias.scalar_type(), torch::kHalf);
  EXPECT_EQ(layer->scales.scalar_type(), torch::kFloat);
  EXPECT_TRUE(torch::equal(layer->int8_weights, q));
}

TEST(W8A16LinearLayer, SavesAndLoads) {
  W8A16LinearLayer layer(3, 2);
  layer->quantize(torch::randn({2, 3}).to(torch::kBFloat16));
  std::stringstream file;
  torch::save(layer, file);
  W8A16LinearLayer loaded(3, 2);
  torch::load(loaded, file);
  EXPECT_TRUE(torch::equal(loaded->int8_weights, layer->int8_weights));
  EXPECT_EQ(loaded->scales.scalar_type(), torch::kBFloat16);
  const Tensor x = torch::randn({4, 3});
  EXPECT_TRUE(torch::equal(loaded(x), layer(x)));

  const auto load_into = [&](W8A16LinearLayer other) {
    return MessageOf([&] {
      file.clear();
      file.seekg(0);
      torch::load(other, file);
    });
  };
  EXPECT_THAT(load_into(W8A16LinearLayer(4, 2)), HasSubstr("int8_weights in the file has shape [2, 3]"));
  EXPECT_THAT(load_into(W8A16LinearLayer(W8A16LinearLayerOptions(3, 2).bias(false))),
              HasSubstr("has no bias, the file has one"));
  std::stringstream float_file;
  torch::save(torch::nn::Linear(3, 2), float_file);
  EXPECT_THAT(MessageOf([&] { torch::load(loaded, float_file); }), HasSubstr("no int8_weights"));
}

TEST(W8A16LinearLayer, ClonesApart) {
  W8A16LinearLayer layer(3, 2);
  layer->quantize(torch::ones({2, 3}).to(torch::kHalf));
  const auto copy = std::dynamic_pointer_cast<W8A16LinearLayerImpl>(layer->clone());
  layer->quantize(-torch::ones({2, 3}));
  EXPECT_TRUE(torch::equal(copy->int8_weights, torch::full({2, 3}, 127, torch::kChar)));
  EXPECT_EQ(copy->scales.scalar_type(), torch::kHalf);
}

struct BlockImpl : torch::nn::Module {
  BlockImpl() { inner = register_module("inner", torch::nn::Sequential(torch::nn::Linear(5, 5))); }
  Tensor forward(Tensor x) { return inner->forward(x); }
  torch::nn::Sequential inner{nullptr};
};
TORCH_MODULE(Block);

// Linear layers nested through every container, held by the tree alone.
struct NetImpl : torch::nn::Module {
  NetImpl() {
    namespace nn = torch::nn;
    sequential = register_module("sequential", nn::Sequential(nn::Linear(6, 5), nn::ReLU(), Block()));
    list = register_module("list", nn::ModuleList(nn::Linear(5, 5), nn::Linear(nn::LinearOptions(5, 5).bias(false))));
    torch::OrderedDict<std::string, std::shared_ptr<nn::Module>> entries;
    entries.insert("up", nn::Linear(5, 7).ptr());
    entries.insert("down", nn::Linear(7, 5).ptr());
    dict = register_module("dict", nn::ModuleDict(entries));
    lm_head = register_module("lm_head", AnyLinear(5, 3));
  }
  Tensor forward(Tensor x) {
    x = sequential->forward(x);
    for (const auto& layer : *list) x = Call(*layer, x);
    x = Call(*dict["down"], Call(*dict["up"], x));
    return lm_head(x);
  }
  static Tensor Call(torch::nn::Module& layer, const Tensor& x) {
    if (auto* quantized = layer.as<W8A16LinearLayerImpl>()) return quantized->forward(x);
    return layer.as<torch::nn::LinearImpl>()->forward(x);
  }
  torch::nn::Sequential sequential{nullptr};
  torch::nn::ModuleList list{nullptr};
  torch::nn::ModuleDict dict{nullptr};
  AnyLinear lm_head{nullptr};
};
TORCH_MODULE(Net);

TEST(Replace, ThroughEveryContainer) {
  torch::manual_seed(1);
  Net net;
  const Tensor x = torch::randn({4, 6});
  const Tensor before = net(x);
  const ReplacementSummary summary = replace_linear_with_target_and_quantize<W8A16LinearLayer>(net, {"lm_head"});
  EXPECT_THAT(summary.replaced,
              UnorderedElementsAre("sequential.0", "sequential.2.inner.0", "list.0", "list.1", "dict.up", "dict.down"));
  ASSERT_EQ(summary.left_alone.size(), 1U);
  EXPECT_EQ(summary.left_alone[0].name, "lm_head");
  EXPECT_LT(summary.bytes_after, summary.bytes_before);
  const Tensor after = net(x);
  EXPECT_FALSE(torch::equal(after, before));
  EXPECT_LT(((after - before).norm() / before.norm()).item<double>(), 0.05);
  for (const auto& module : net->modules()) EXPECT_EQ(module->as<torch::nn::LinearImpl>(), nullptr);
  EXPECT_FALSE(net->lm_head->quantized());

  // The rest, then nothing.
  EXPECT_THAT(replace_linear_with_target_and_quantize<W8A16LinearLayer>(net).replaced, ElementsAre("lm_head"));
  EXPECT_TRUE(net->lm_head->quantized());
  EXPECT_THAT(replace_linear_with_target_and_quantize<W8A16LinearLayer>(net).replaced, IsEmpty());
}

TEST(Replace, ModelsOfEveryFloatDtype) {
  torch::manual_seed(3);
  for (const auto dtype : {torch::kHalf, torch::kBFloat16}) {
    Net net;
    net->to(dtype);
    const Tensor x = torch::randn({4, 6}).to(dtype);
    const Tensor before = net(x);
    EXPECT_EQ(replace_linear_with_target_and_quantize<W8A16LinearLayer>(net).replaced.size(), 7U);
    const Tensor after = net(x);
    EXPECT_EQ(after.scalar_type(), dtype);
    EXPECT_LT(((after - before).norm() / before.norm()).item<double>(), 0.05);
    EXPECT_EQ(net->lm_head->scales.scalar_type(), dtype);
  }
}

TEST(Replace, SavedModelLoadsIntoAnEmptyReplacement) {
  Net net;
  replace_linear_with_target_and_quantize<W8A16LinearLayer>(net);
  std::stringstream file;
  torch::save(net, file);
  Net other;
  replace_linear_with_target<W8A16LinearLayer>(*other);
  const Tensor x = torch::randn({2, 6});
  EXPECT_THAT(MessageOf([&] { other(x); }), HasSubstr("call quantize(weights) or load"));
  torch::load(other, file);
  EXPECT_TRUE(torch::equal(other(x), net(x)));
}

struct MemberImpl : torch::nn::Module {
  MemberImpl() { fc = register_module("fc", torch::nn::Linear(3, 3)); }
  torch::nn::Linear fc{nullptr};
};
TORCH_MODULE(Member);

TEST(Replace, LayersHeldByMembersAreRefused) {
  Member net;
  EXPECT_THAT(MessageOf([&] { replace_linear_with_target_and_quantize<W8A16LinearLayer>(net); }),
              testing::AllOf(HasSubstr("cannot replace fc"), HasSubstr("Declare that member as w8a16::AnyLinear")));
  EXPECT_NE(net->named_children()["fc"]->as<torch::nn::LinearImpl>(), nullptr);
  EXPECT_THAT(replace_linear_with_target_and_quantize<W8A16LinearLayer>(net, {"fc"}).replaced, IsEmpty());
}

TEST(Replace, SharedLayersStayShared) {
  torch::nn::ModuleList net;
  {
    torch::nn::Linear shared(3, 3);
    net->push_back(shared);
    net->push_back(torch::nn::Sequential(shared));
  }
  const auto summary = replace_linear_with_target_and_quantize<W8A16LinearLayer>(net);
  EXPECT_THAT(summary.replaced, ElementsAre("0", "1.0"));
  EXPECT_EQ(net->named_modules()["0"], net->named_modules()["1.0"]);
}

TEST(Replace, NamesToExclude) {
  const auto replaced = [](const std::vector<std::string>& names) {
    return replace_linear_with_target_and_quantize<W8A16LinearLayer>(Net(), names);
  };
  EXPECT_THAT(replaced({"list", "sequential.2", "re:dict\\.(up|down)$"}).replaced,
              UnorderedElementsAre("sequential.0", "lm_head"));
  const auto summary = replaced({"lm_haed"});
  EXPECT_EQ(summary.replaced.size(), 7U);
  EXPECT_THAT(summary.warnings, ElementsAre(HasSubstr("\"lm_haed\" matches no linear layer; did you mean lm_head")));
  EXPECT_THAT(MessageOf([&] { replaced({"re:("}); }), HasSubstr("\"re:(\" is not a regular expression"));
  std::ostringstream text;
  text << summary;
  EXPECT_THAT(text.str(), HasSubstr("replaced 7 linear layers"));
}

TEST(Replace, BadWeightsAreFoundBeforeAnythingIsReplaced) {
  Net net;
  {
    const torch::NoGradGuard no_grad;
    net->dict["down"]->as<torch::nn::LinearImpl>()->weight[1][2] = INFINITY;
  }
  EXPECT_THAT(MessageOf([&] { replace_linear_with_target_and_quantize<W8A16LinearLayer>(net); }),
              testing::AllOf(HasSubstr("cannot quantize dict.down"), HasSubstr("Nothing was replaced")));
  EXPECT_NE(net->sequential[0]->as<torch::nn::LinearImpl>(), nullptr);
  torch::nn::Linear alone(2, 2);
  EXPECT_THAT(MessageOf([&] { replace_linear_with_target<W8A16LinearLayer>(alone); }),
              HasSubstr("itself is a linear layer"));
}

TEST(AnyLinear, IsLinearUntilItIsNot) {
  torch::manual_seed(2);
  torch::nn::Linear reference(4, 3);
  torch::manual_seed(2);
  AnyLinear layer(4, 3);
  const Tensor x = torch::randn({2, 4});
  EXPECT_TRUE(torch::equal(layer(x), reference(x)));
  EXPECT_TRUE(layer->weight.requires_grad());
  std::stringstream file;
  torch::save(reference, file);
  torch::load(layer, file);

  W8A16LinearLayer quantized(4, 3);
  quantized->quantize(layer->weight.detach());
  layer->become(*quantized);
  EXPECT_THAT(layer->named_parameters().keys(), IsEmpty());
  EXPECT_THAT(layer->named_buffers().keys(), UnorderedElementsAre("int8_weights", "scales", "bias"));
  const auto copy = std::dynamic_pointer_cast<AnyLinearImpl>(layer->clone());
  layer->to(torch::kBFloat16);
  EXPECT_EQ(layer->scales.scalar_type(), torch::kFloat);
  EXPECT_EQ(layer->bias.scalar_type(), torch::kBFloat16);
  EXPECT_TRUE(torch::equal(copy->forward(x), quantized(x)));
  std::ostringstream text;
  text << layer;
  EXPECT_EQ(text.str(), "w8a16::AnyLinear(in_features=4, out_features=3, bias=true, W8A16)");
}

}  // namespace
}  // namespace w8a16
