#include "convert/layer_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "convert/report_fixture.h"

namespace w8a16 {
namespace {

using ::testing::ElementsAre;
using testing::LlamaReport;
using testing::MakeLayer;

std::vector<ConvertedLayer> Layers(const std::vector<std::string>& names) {
  std::vector<ConvertedLayer> layers;
  for (const std::string& name : names) layers.push_back(MakeLayer(name));
  return layers;
}

std::vector<std::string> Labels(const LayerMap& map) {
  std::vector<std::string> labels;
  for (const LayerKind& kind : map.kinds) labels.push_back(kind.label);
  return labels;
}

size_t Points(const LayerMap& map) {
  size_t points = 0;
  for (const LayerKind& kind : map.kinds) points += kind.points.size();
  return points;
}

size_t LayersIn(const LayerMap& map) {
  size_t layers = 0;
  for (const LayerKind& kind : map.kinds) {
    for (const MapPoint& point : kind.points) layers += point.layers.size();
  }
  return layers;
}

TEST(LayerMap, NoLayers) {
  const LayerMap map = MapLayers({});
  EXPECT_TRUE(map.kinds.empty());
  EXPECT_TRUE(map.columns.empty());
  EXPECT_TRUE(map.stacks.empty());
}

TEST(LayerMap, DepthByKind) {
  const ConvertReport report = LlamaReport(12);
  const LayerMap map = MapLayers(report.layers);
  EXPECT_THAT(Labels(map), ElementsAre("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"));
  ASSERT_EQ(map.columns.size(), 12);
  EXPECT_EQ(map.columns[11], "11");  // by number, not by text
  ASSERT_EQ(map.stacks.size(), 1);
  EXPECT_EQ(map.stacks[0].name, "model.layers");
  ASSERT_EQ(map.kinds[6].points.size(), 12);
  EXPECT_EQ(map.kinds[6].points[3].column, 3);
  ASSERT_EQ(map.kinds[6].points[3].layers.size(), 1);
  EXPECT_EQ(map.kinds[6].points[3].layers[0], &report.layers[3 * 7 + 6]);
}

TEST(LayerMap, BlocksThatComeInAnyOrder) {
  const auto layers = Layers({"h.10.fc", "h.9.fc", "h.2.fc"});
  const LayerMap map = MapLayers(layers);
  EXPECT_THAT(map.columns, ElementsAre("2", "9", "10"));
  EXPECT_EQ(map.kinds[0].points[0].layers[0], &layers[2]);
}

TEST(LayerMap, StacksFollowEachOther) {
  const auto layers = Layers({"encoder.layers.0.fc1", "encoder.layers.1.fc1", "decoder.layers.0.fc1", "head"});
  const LayerMap map = MapLayers(layers);
  ASSERT_EQ(map.stacks.size(), 3);
  EXPECT_EQ(map.stacks[0].name, "encoder.layers");
  EXPECT_EQ(map.stacks[1].name, "decoder.layers");
  EXPECT_EQ(map.stacks[1].begin, 2);
  EXPECT_EQ(map.stacks[1].end, 3);
  EXPECT_EQ(map.stacks[2].name, "");
  EXPECT_THAT(map.columns, ElementsAre("0", "1", "0", "head"));
  EXPECT_THAT(Labels(map), ElementsAre("fc1", "head"));
}

TEST(LayerMap, OneNameInTwoPlacesIsTwoKinds) {
  const auto layers = Layers({"h.0.attn.c_attn", "h.0.attn.c_proj", "h.0.mlp.c_proj"});
  EXPECT_THAT(Labels(MapLayers(layers)), ElementsAre("c_attn", "attn.c_proj", "mlp.c_proj"));
}

TEST(LayerMap, ExpertsShareAPoint) {
  std::vector<ConvertedLayer> layers;
  for (int expert = 0; expert < 8; ++expert) {
    layers.push_back(MakeLayer("model.layers.0.mlp.experts." + std::to_string(expert) + ".w1", 50 - expert));
  }
  layers.push_back(MakeLayer("model.layers.0.mlp.shared.w1"));
  const LayerMap map = MapLayers(layers);
  EXPECT_THAT(Labels(map), ElementsAre("experts.w1", "shared.w1"));
  ASSERT_EQ(map.kinds[0].points.size(), 1);
  ASSERT_EQ(map.kinds[0].points[0].layers.size(), 8);
  EXPECT_EQ(map.kinds[0].points[0].layers.front()->sqnr_db, 43);
  EXPECT_EQ(map.kinds[0].points[0].layers.back()->sqnr_db, 50);
}

TEST(LayerMap, NamesWithoutANumberKeepTheirOrder) {
  const auto layers = Layers({"fc2", "fc1", "head"});
  const LayerMap map = MapLayers(layers);
  EXPECT_THAT(map.columns, ElementsAre("fc2", "fc1", "head"));
  ASSERT_EQ(map.stacks.size(), 1);
  EXPECT_EQ(map.stacks[0].name, "");
}

TEST(LayerMap, NamesOfNothing) {
  const auto layers = Layers({"", ".", "0", "model.layers.3", "99999999999999999999999999.x"});
  const LayerMap map = MapLayers(layers);
  EXPECT_EQ(LayersIn(map), 5);
  for (const LayerKind& kind : map.kinds) EXPECT_NE(kind.label, "");
}

TEST(LayerMap, ManyKindsAreBounded) {
  std::vector<std::string> names;
  for (int kind = 0; kind < 100; ++kind) names.push_back("h.0.kind" + std::to_string(kind));
  for (int block = 0; block < 5; ++block) names.push_back("h." + std::to_string(block) + ".often");
  const auto layers = Layers(names);
  const LayerMap map = MapLayers(layers);
  ASSERT_EQ(map.kinds.size(), LayerMap::kMaxKinds);
  EXPECT_EQ(map.kinds.back().label, "90 other kinds");
  EXPECT_EQ(map.kinds[LayerMap::kMaxKinds - 2].label, "often");
  EXPECT_EQ(LayersIn(map), names.size());
}

TEST(LayerMap, ManyColumnsAreBounded) {
  std::vector<std::string> names;
  for (int i = 0; i < 5000; ++i) names.push_back("stack" + std::to_string(i) + ".0.fc");
  for (int i = 0; i < 5000; ++i) names.push_back("layer" + std::to_string(i));
  const auto layers = Layers(names);
  const LayerMap map = MapLayers(layers);
  EXPECT_EQ(map.columns.size(), LayerMap::kMaxColumns);
  EXPECT_LE(Points(map), LayerMap::kMaxColumns * LayerMap::kMaxKinds);
  EXPECT_EQ(LayersIn(map), names.size());
  for (const LayerStack& stack : map.stacks) {
    EXPECT_LT(stack.begin, stack.end);
    EXPECT_LE(stack.end, map.columns.size());
  }
}

}  // namespace
}  // namespace w8a16
