// str and bytes from C++: makers, widths, interning, concatenation, searching, formatting.
#include <gtest/gtest.h>

#include "vm/protocol/protocol.h"
#include "vm/types/codec.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"
#include "vm/types/str_internal.h"
#include "vm/types/text_format.h"

namespace mp {
namespace {

std::unique_ptr<Runtime> make_runtime() {
  RuntimeOptions options;
  options.install_signal_handlers = false;
  return Runtime::create(std::move(options));
}

TEST(Str, StorageIsTheNarrowestThatFits) {
  auto runtime = make_runtime();
  Thread& t = runtime->main_thread();
  EXPECT_TRUE(make_str(t, "abc")->is_ascii());
  StrObject* latin = make_str(t, "caf\xc3\xa9");
  EXPECT_EQ(latin->width(), 1);
  EXPECT_FALSE(latin->is_ascii());
  EXPECT_EQ(latin->length(), 4u);
  EXPECT_EQ(make_str(t, "\xe2\x82\xac")->width(), 2);
  StrObject* wide = make_str(t, "a\xf0\x9f\x98\x80");
  EXPECT_EQ(wide->width(), 4);
  EXPECT_EQ(wide->at(1), 0x1f600u);
  EXPECT_TRUE(str_slice(t, wide, 0, 1)->is_ascii());
  EXPECT_EQ(to_utf8(wide), "a\xf0\x9f\x98\x80");
}

TEST(Str, InterningGivesOneObject) {
  auto runtime = make_runtime();
  Thread& t = runtime->main_thread();
  StrObject* a = intern(t, "some_name");
  EXPECT_EQ(a, intern(t, make_str(t, "some_name")));
  EXPECT_TRUE(is_interned(a));
  EXPECT_EQ(make_str_char(t, 'x'), make_str(t, "x"));
  EXPECT_EQ(str_hash(a), str_hash(make_str(t, "some_name")));
}

TEST(Str, AppendingInALoopSharesOneBuffer) {
  auto runtime = make_runtime();
  Thread& t = runtime->main_thread();
  StrObject *s = empty_str(t), *piece = make_str(t, "ab"), *earlier = nullptr;
  std::string expected;
  for (int i = 0; i < 2000; ++i) {
    s = str_concat(t, s, piece);
    expected += "ab";
    if (i == 1000) earlier = s;
  }
  EXPECT_EQ(to_utf8(s), expected);
  EXPECT_TRUE(s->is_external());
  // Appending to an ancestor must not disturb the longer string.
  StrObject* branch = str_concat(t, earlier, make_str(t, "XY"));
  EXPECT_EQ(to_utf8(branch), expected.substr(0, 2002) + "XY");
  EXPECT_EQ(to_utf8(s), expected);
  StrObject* widened = str_concat(t, s, make_str(t, "\xe2\x82\xac"));
  EXPECT_EQ(widened->length(), 4001u);
  EXPECT_EQ(widened->at(4000), 0x20acu);
  EXPECT_TRUE(str_equal(s, make_str(t, expected)));
}

TEST(Str, SearchAgreesWithTheObviousLoop) {
  auto runtime = make_runtime();
  Thread& t = runtime->main_thread();
  for (const char* alphabet : {"ab", "a\xc3\xa9", "a\xe2\x82\xac", "a\xf0\x9f\x98\x80"}) {
    StrObject* letters = make_str(t, alphabet);
    for (uint32_t seed = 0; seed < 300; ++seed) {
      StrBuilder text(t), part(t);
      uint32_t state = seed * 2654435761u + 1;
      auto next = [&] { return letters->at((state = state * 1664525 + 1013904223) >> 31); };
      for (uint32_t i = 0; i < 20 + seed % 60; ++i) text.append(next());
      for (uint32_t i = 0; i < 1 + seed % 6; ++i) part.append(next());
      StrObject *s = text.finish_str(), *p = part.finish_str();
      int64_t first = -1, last = -1, count = 0;
      for (size_t i = 0, free = 0; i + p->length() <= s->length(); ++i) {
        size_t k = 0;
        while (k < p->length() && s->at(i + k) == p->at(k)) ++k;
        if (k < p->length()) continue;
        if (first < 0) first = static_cast<int64_t>(i);
        last = static_cast<int64_t>(i);
        if (i >= free) ++count, free = i + p->length();
      }
      EXPECT_EQ(str_find(s, p, 0, s->length()), first);
      EXPECT_EQ(str_rfind(s, p, 0, s->length()), last);
      EXPECT_EQ(str_count(s, p, 0, s->length(), -1), count);
    }
  }
}

TEST(Str, BuilderWidensAndNarrows) {
  auto runtime = make_runtime();
  Thread& t = runtime->main_thread();
  StrBuilder out(t);
  for (int i = 0; i < 500; ++i) out.append('a');
  out.append(0x1f600);
  out.append("\xc3\xa9");
  StrObject* s = out.finish_str();
  EXPECT_EQ(s->length(), 502u);
  EXPECT_EQ(s->at(500), 0x1f600u);
  EXPECT_EQ(s->at(501), 0xe9u);
  out.truncate(500);
  EXPECT_TRUE(out.finish_str()->is_ascii());
}

TEST(Format, FixedPointIsExact) {
  char buffer[400];
  uint64_t state = 88172645463325252u;
  for (int i = 0; i < 20000; ++i) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    double value =
        static_cast<double>(static_cast<int64_t>(state) >> (i % 40)) / static_cast<double>(1u << (i % 31));
    int precision = i % 13;
    std::snprintf(buffer, sizeof buffer, "%.*f", precision, value);
    EXPECT_EQ(format_double(value, 'f', precision, false, false), buffer);
  }
  EXPECT_EQ(format_double(0.5, 'f', 0, false, false), "0");
  EXPECT_EQ(format_double(2.675, 'f', 2, false, false), "2.67");
  EXPECT_EQ(format_double(-0.0, 'f', 1, false, false), "-0.0");
}

TEST(Codec, Utf8ReportsWhatIsWrong) {
  auto runtime = make_runtime();
  Thread& t = runtime->main_thread();
  size_t consumed = 0;
  Value part = decode_utf8(t, "ab\xe2\x82", "strict", &consumed).value();
  EXPECT_EQ(to_utf8(part.as<StrObject>()), "ab");
  EXPECT_EQ(consumed, 2u);
  EXPECT_TRUE(decode_utf8(t, "\xff", "strict").is_error());
  EXPECT_TRUE(t.exception_matches(Exc::UnicodeDecodeError));
  t.clear_exception();
  Value escaped = decode_utf8(t, "a\xff", "surrogateescape").value();
  EXPECT_EQ(escaped.as<StrObject>()->at(1), 0xdcffu);
}

}  // namespace
}  // namespace mp
