#include "convert/report_page.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/numbers.h"
#include "convert/report_fixture.h"
#include "convert/report_html.h"
#include "convert/tiny_llama.h"
#include "testing/process.h"

namespace w8a16::testing {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Without the whole page in the message.
::testing::AssertionResult Holds(const std::string& page, const std::string& part) {
  const bool found = page.find(part) != std::string::npos;
  return (found ? ::testing::AssertionSuccess() : ::testing::AssertionFailure())
         << (found ? "the page has " : "the page does not have ") << part;
}

size_t Occurrences(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++count;
  return count;
}

constexpr const char* kPython = W8A16_PYTHON;

// What check_report.py finds wrong with a page: markup, references, accessibility, contrast. Nothing without Python.
std::string Problems(const std::string& page) {
  if (!std::filesystem::exists(kPython)) return "";
  const TempDir scratch;
  WriteTextFile(scratch / "page.html", page);
  const ProcessResult result =
      RunProcess({kPython, W8A16_SOURCE_DIR "/tests/convert/check_report.py", "page", scratch / "page.html"});
  return result.exit_code == 0 ? "" : result.out + result.err;
}

TEST(ReportPage, CheckSeesWhatIsWrong) {
  if (!std::filesystem::exists(kPython)) GTEST_SKIP() << kPython << " is missing: no page's markup is checked";
  const std::string page = Render(LlamaReport(1));
  ASSERT_EQ(Problems(page), "");
  const auto with = [&page](const std::string& from, const std::string& to) {
    std::string changed = page;
    return changed.replace(changed.find(from), from.size(), to);
  };
  EXPECT_NE(Problems(with("</section>", "")), "");
  EXPECT_NE(Problems(with("<h1>", "<h1 onclick=\"x\">")), "");
  EXPECT_NE(Problems(with("<footer>", "<footer><script></script>")), "");
  EXPECT_NE(Problems(with("--soft:#5a616b", "--soft:#c0c0c0")), "");
  EXPECT_NE(Problems(with(" role=\"img\" height", " height")), "");
}

TEST(Html, LiteralsAreMarkupAndTextIsEscaped) {
  Html html;
  const std::string name = "a<b>&\"c'";
  html << "<p>" << name << 12 << "</p>";
  EXPECT_EQ(html.markup(), "<p>a&lt;b&gt;&amp;&quot;c&#39;12</p>");
}

TEST(Html, WhatNoDocumentMayHold) {
  Html html;
  html << std::string("a\x01\n\x7F\xFF\xC3\xA9\xEF\xBF\xBEz", 11) << std::string(1, '\0');
  EXPECT_EQ(html.markup(), "a\uFFFD\uFFFD\uFFFD\uFFFD\u00E9\uFFFDz\uFFFD");
}

TEST(ReportPage, NamesTheRun) {
  const std::string page = Render(LlamaReport(4));
  EXPECT_TRUE(Holds(page, "<h1>Example-1B</h1>"));
  EXPECT_TRUE(Holds(page, "<code>models/Example-1B/</code>"));
  EXPECT_TRUE(Holds(page, "<code>out</code>"));
  EXPECT_TRUE(Holds(page, "pack-quantized"));
  EXPECT_TRUE(Holds(page, "2031-02-03 04:05 UTC by w8a16 1.2.3, in 3.50 s"));
}

TEST(ReportPage, HasAllSections) {
  const std::string page = Render(LlamaReport(4));
  for (const char* id : {"sizes", "sqnr", "worst", "scales", "ignored"}) {
    EXPECT_TRUE(Holds(page, "<h2 id=\"" + std::string(id) + "\">"));
  }
  EXPECT_EQ(Problems(page), "");
}

TEST(ReportPage, NumbersAreTheReports) {
  ConvertReport report = LlamaReport(4);
  report.layers[5].sqnr_db = 31.4;
  const std::string page = Render(report);
  EXPECT_TRUE(Holds(page, "<b>28 linear layers</b>"));
  EXPECT_TRUE(Holds(page, "<b>" + FormatBytes(report.bytes_after) + "</b>"));
  // 28 times 131,072 and 65,696 bytes, and 100,000 beside them.
  EXPECT_TRUE(Holds(page, "Quantized linear layers</th><td>3.67 MB</td><td>1.84 MB</td><td>50.1 %</td>"));
  EXPECT_TRUE(Holds(page, "Everything else</th><td>100 kB</td><td>100 kB</td><td>100.0 %</td>"));
  EXPECT_TRUE(Holds(page, "All tensors</th><td>3.77 MB</td><td>1.94 MB</td><td>51.4 %</td>"));
  EXPECT_TRUE(Holds(page, "<b>31.4 dB</b><small>model.layers.0.mlp.up_proj</small>"));
  for (const ConvertedLayer& layer : report.layers) {
    EXPECT_TRUE(Holds(page, "<title>" + layer.name + ": " + FormatFixed(layer.sqnr_db, 1) + " dB</title>"));
    EXPECT_TRUE(Holds(page, "<code>" + layer.name + "</code></th><td>64 × 1,024</td><td>" +
                                FormatFixed(layer.sqnr_db, 1) + " dB</td>"));
  }
}

TEST(ReportPage, HistogramAddsUpAllLayers) {
  ConvertReport report = LlamaReport(2);
  report.layers[3].scales.first_bin += 1;
  report.layers[3].scales.max = 0.001F;
  const std::string page = Render(report);
  EXPECT_TRUE(Holds(page, "Histogram of the scales of 896 rows, from 5.00×10⁻⁴ to 1.00×10⁻³"));
  // 13 layers with {20, 41, 3}, one a bin further.
  for (const char* count : {"<title>260 rows: ", "<title>553 rows: ", "<title>80 rows: ", "<title>3 rows: "}) {
    EXPECT_EQ(Occurrences(page, count), 1U) << count;
  }
}

TEST(ReportPage, HistogramOfAllFloatsHasFewBins) {
  ConvertReport report = LlamaReport(1);
  report.layers[0].scales = {.min = 1e-38F, .median = 1e-38F, .max = 1e-38F, .first_bin = -505, .counts = {1}};
  report.layers[1].scales = {.min = 1e37F, .median = 1e37F, .max = 1e37F, .first_bin = 491, .counts = {2}};
  const std::string page = Render(report);
  EXPECT_LT(Occurrences(page, "<rect x="), 72U);
  EXPECT_TRUE(Holds(page, "from 1.00×10⁻³⁸ to 1.00×10³⁷"));
  EXPECT_EQ(Problems(page), "");
}

TEST(ReportPage, TenWorstLayersInOrder) {
  ConvertReport report = LlamaReport(4);
  for (size_t i = 0; i < report.layers.size(); ++i) report.layers[i].sqnr_db = 60 - static_cast<double>(i);
  const std::string page = Render(report);
  const std::string worst =
      page.substr(page.find("id=\"worst\""), page.find("id=\"scales\"") - page.find("id=\"worst\""));
  size_t before = 0;
  for (size_t i = 0; i < 10; ++i) {
    const size_t at = worst.find("<code>" + report.layers[27 - i].name + "</code>");
    ASSERT_NE(at, std::string::npos) << i;
    EXPECT_GT(at, before);
    before = at;
  }
  EXPECT_EQ(Occurrences(worst, "<tr><th scope=\"row\">"), 10U);
}

TEST(ReportPage, NoLayers) {
  ConvertReport report;
  report.ignored = {{"fc1", "--ignore fc1"}};
  const std::string page = Render(report);
  EXPECT_TRUE(Holds(page, "No linear layer was quantized"));
  EXPECT_TRUE(Holds(page, "--ignore fc1"));
  EXPECT_FALSE(Holds(page, "id=\"sqnr\""));
  EXPECT_FALSE(Holds(page, "nan"));
  EXPECT_EQ(Problems(page), "");
}

TEST(ReportPage, OneLayer) {
  const std::string page = Render(MakeReport({MakeLayer("fc")}));
  EXPECT_TRUE(Holds(page, "1 linear layer</b>"));
  EXPECT_TRUE(Holds(page, "SQNR of 1 layer by depth"));
  EXPECT_EQ(Problems(page), "");
}

TEST(ReportPage, LayersWithoutAnyError) {
  ConvertReport report = MakeReport({MakeLayer("h.0.fc", kInfinity), MakeLayer("h.1.fc", kInfinity)});
  std::string page = Render(report);
  EXPECT_TRUE(Holds(page, "every weight of every layer was kept exactly"));
  EXPECT_FALSE(Holds(page, "inf dB"));
  EXPECT_TRUE(Holds(page, ">exact</text>"));
  EXPECT_EQ(Problems(page), "");

  report.layers[1].sqnr_db = 40;
  page = Render(report);
  EXPECT_TRUE(Holds(page, "<title>h.0.fc: exact</title>"));
  EXPECT_TRUE(Holds(page, "<b>40.0 dB</b><small>h.1.fc</small>"));
  EXPECT_EQ(Problems(page), "");
}

TEST(ReportPage, LayerOfZeros) {
  ConvertedLayer zeros = MakeLayer("h.0.fc", kInfinity);
  zeros.zero_rows = zeros.out_features;
  zeros.outlier_ratio = 0;
  zeros.scales = {};
  const std::string page = Render(MakeReport({zeros}));
  EXPECT_TRUE(Holds(page, "64 rows of zeros"));
  EXPECT_FALSE(Holds(page, "Histogram"));
  EXPECT_EQ(Problems(page), "");
}

TEST(ReportPage, ThousandsOfLayersStayReadable) {
  std::vector<ConvertedLayer> layers;
  for (int block = 0; block < 60; ++block) {
    for (int expert = 0; expert < 64; ++expert) {
      layers.push_back(
          MakeLayer("model.layers." + std::to_string(block) + ".mlp.experts." + std::to_string(expert) + ".w1",
                    30 + 0.1 * ((block * 64 + expert) % 100)));
    }
  }
  const std::string page = Render(MakeReport(layers));
  EXPECT_LT(page.size(), 3'000'000U);
  EXPECT_TRUE(Holds(page, "64 layers, w1: median"));
  EXPECT_TRUE(Holds(page, "The 3,000 layers of 3,840 with the lowest SQNR"));
  EXPECT_EQ(Problems(page), "");
}

TEST(ReportPage, HundredsOfLayers) { EXPECT_EQ(Problems(Render(LlamaReport(126))), ""); }

TEST(ReportPage, NamesOfStrangersAreText) {
  const std::string evil = "</title><script>alert(1)</script>\"' onload=x &amp; <!-- \xFF\x01 ]]> \xE2\x80\xAE";
  ConvertReport report = MakeReport({MakeLayer("h.0." + evil), MakeLayer(evil + ".1.fc"), MakeLayer(evil)});
  report.ignored = {{evil, evil}};
  report.skipped_files = {evil};
  report.unmatched = {{"--ignore", evil, evil}};
  report.notes = {evil};
  const std::string page =
      RenderReportPage(report, {.source = evil, .destination = evil, .format = evil, .version = evil, .date = evil});
  EXPECT_FALSE(Holds(page, "<script"));
  EXPECT_FALSE(Holds(page, "<!--"));
  EXPECT_EQ(Problems(page), "");
}

TEST(ReportPage, IgnoredByReason) {
  ConvertReport report = LlamaReport(1);
  for (int i = 0; i < 30; ++i) report.ignored.push_back({"h." + std::to_string(i) + ".gate", "router of experts"});
  const std::string page = Render(report);
  EXPECT_TRUE(Holds(page, "<dt>output head (--no-default-ignore quantizes it)</dt>\n<dd><ul><li><code>lm_head"));
  EXPECT_EQ(Occurrences(page, "<dt>router of experts</dt>"), 1U);
  EXPECT_TRUE(Holds(page, "<summary>30 layers</summary>"));
  report.ignored.clear();
  EXPECT_TRUE(Holds(Render(report), "None: all linear layers are in 8 bits."));
}

TEST(ReportPage, NotesAndWarnings) {
  ConvertReport report = LlamaReport(1);
  EXPECT_FALSE(Holds(Render(report), "id=\"notes\""));
  report.unmatched = {{"--only", "q_prj", "the nearest names are q_proj"}};
  report.skipped_files = {"pytorch_model.bin"};
  report.notes = {"model_type \"x\" is unknown"};
  report.shards = 9;
  report.kept_shards = 4;
  const std::string page = Render(report);
  EXPECT_TRUE(Holds(page, "--only q_prj</code> matches no linear layer of this model; the nearest names are q_proj."));
  EXPECT_TRUE(Holds(page, "<code>pytorch_model.bin</code> was not copied"));
  EXPECT_TRUE(Holds(page, "model_type &quot;x&quot; is unknown"));
  EXPECT_TRUE(Holds(page, "4 of 9 weight files were finished by an earlier run"));
  EXPECT_EQ(Problems(page), "");
}

TEST(ReportPage, ResumedRunReportsOnAllLayers) {
  const TempDir scratch;
  const TinyLlama model;
  model.Write(scratch / "source");
  ConvertOptions options;
  options.max_shard_bytes = 1000;
  ConvertReport whole = QuantizeCheckpoint(scratch / "source", scratch / "whole", options);
  ASSERT_GT(whole.shards, 2U);
  struct Stop : std::exception {};
  int calls = 0;
  const auto stop = [&calls](uint64_t, uint64_t) {
    if (++calls > 12) throw Stop();
  };
  EXPECT_THROW(QuantizeCheckpoint(scratch / "source", scratch / "out", options, stop), Stop);
  options.resume = true;
  ConvertReport resumed = QuantizeCheckpoint(scratch / "source", scratch / "out", options);
  ASSERT_GT(resumed.kept_shards, 0U);
  EXPECT_TRUE(Holds(Render(resumed), "were finished by an earlier run"));
  resumed.kept_shards = 0;
  resumed.seconds = whole.seconds;
  EXPECT_EQ(Render(resumed), Render(whole));
}

TEST(ReportPage, CheckpointThatGrew) {
  ConvertReport report = LlamaReport(1);
  report.bytes_after = report.bytes_before * 2;
  EXPECT_TRUE(Holds(Render(report), "100.0 % larger"));
}

TEST(ReportPage, NothingIsLoadedFromANetwork) {
  const std::string page = Render(LlamaReport(2));
  EXPECT_TRUE(Holds(page, "Content-Security-Policy"));
  EXPECT_EQ(Occurrences(page, "http"), 2U);  // the name of that policy's attribute, and of the XHTML namespace
}

TEST(ReportPage, SameReportSamePage) { EXPECT_EQ(Render(LlamaReport(3)), Render(LlamaReport(3))); }

}  // namespace
}  // namespace w8a16::testing
