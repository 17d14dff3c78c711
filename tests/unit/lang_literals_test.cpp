#include <gtest/gtest.h>

#include "lang/literals.h"
#include "lang/source.h"
#include "lang/token.h"

namespace {

using namespace mp::lang;

std::string number(const char* text) {
  Arena arena;
  ConstantValue value;
  std::string message;
  if (!parse_number(text, arena, &value, &message)) return "error";
  return constant_repr(value);
}

TEST(Numbers, Integers) {
  EXPECT_EQ(number("0"), "0");
  EXPECT_EQ(number("1_000"), "1000");
  EXPECT_EQ(number("0xFF"), "255");
  EXPECT_EQ(number("0b1_0"), "2");
  EXPECT_EQ(number("0o17"), "15");
  EXPECT_EQ(number("9223372036854775807"), "9223372036854775807");
  EXPECT_EQ(number("9223372036854775808"), "9223372036854775808");
  EXPECT_EQ(number("0x1_0000_0000_0000_0000"), "18446744073709551616");
}

TEST(Numbers, Floats) {
  EXPECT_EQ(number("1.5"), "1.5");
  EXPECT_EQ(number("1e400"), "inf");
  EXPECT_EQ(number("1e-400"), "0.0");
  EXPECT_EQ(number("1_0.0_1e1_0"), "100100000000.0");
  EXPECT_EQ(number(".5"), "0.5");
  EXPECT_EQ(number("5."), "5.0");
  EXPECT_EQ(number("1e16"), "1e+16");
  EXPECT_EQ(number("123456789012345678.0"), "1.2345678901234568e+17");
  EXPECT_EQ(number("0.0001"), "0.0001");
  EXPECT_EQ(number("0.00001"), "1e-05");
}

TEST(Numbers, Complex) {
  EXPECT_EQ(number("1j"), "1j");
  EXPECT_EQ(number("010J"), "10j");
  EXPECT_EQ(number("1.5e1j"), "15j");
}

TEST(Numbers, TooManyDecimalDigits) {
  EXPECT_EQ(number(std::string(kMaxDecimalDigits, '9').c_str()), std::string(kMaxDecimalDigits, '9'));
  EXPECT_EQ(number(std::string(kMaxDecimalDigits + 1, '9').c_str()), "error");
}

struct Decoded {
  std::string text, error, warning;
};

Decoded decode(const char* body, uint8_t flags = 0) {
  Arena arena;
  std::vector<EscapeWarning> warnings;
  DecodeResult result = decode_string(body, flags, arena, &warnings);
  return {std::string(result.text), result.error, warnings.empty() ? "" : warnings[0].message};
}

TEST(Strings, Escapes) {
  EXPECT_EQ(decode("a\\n\\t\\\\\\'\\\"").text, "a\n\t\\'\"");
  EXPECT_EQ(decode("\\x41\\101\\u00e9\\U0001F600").text, "AA\xC3\xA9\xF0\x9F\x98\x80");
  EXPECT_EQ(decode("a\\\nb").text, "ab");
  EXPECT_EQ(decode("\\ud800").text, "\xED\xA0\x80");  // a lone surrogate, as WTF-8
  EXPECT_EQ(decode("\\n", kPrefixRaw).text, "\\n");
  EXPECT_EQ(decode("\\xff\\u", kPrefixBytes).text, "\xFF\\u");
  EXPECT_EQ(decode("\\N{GREEK SMALL LETTER ALPHA}").text, "\xCE\xB1");
  EXPECT_EQ(decode("\\N{lf}").text, "\n");
}

TEST(Strings, WarnsOnceAboutUnknownEscapes) {
  EXPECT_EQ(decode("\\d\\e").text, "\\d\\e");
  EXPECT_EQ(decode("\\d\\e").warning, "invalid escape sequence '\\d'");
  EXPECT_EQ(decode("\\777").warning, "invalid octal escape sequence '\\777'");
}

TEST(Strings, Errors) {
  EXPECT_EQ(
      decode("ab\\x1").error,
      "(unicode error) 'unicodeescape' codec can't decode bytes in position 2-4: truncated \\xXX escape");
  EXPECT_EQ(decode("\\x", kPrefixBytes).error, "(value error) invalid \\x escape at position 0");
  EXPECT_EQ(
      decode("\\U00110000").error,
      "(unicode error) 'unicodeescape' codec can't decode bytes in position 0-9: illegal Unicode character");
  EXPECT_EQ(decode("\\N{no such}").error,
            "(unicode error) 'unicodeescape' codec can't decode bytes in position 0-10: unknown Unicode "
            "character name");
}

TEST(CharacterNames, BothWays) {
  EXPECT_EQ(lookup_character_name("BULLET"), 0x2022);
  EXPECT_EQ(lookup_character_name("latin small letter a"), 'a');
  EXPECT_EQ(lookup_character_name("HANGUL SYLLABLE GAG"), 0xAC01);
  EXPECT_EQ(lookup_character_name("CJK UNIFIED IDEOGRAPH-4E00"), 0x4E00);
  EXPECT_EQ(lookup_character_name("CJK COMPATIBILITY IDEOGRAPH-F900"), 0xF900);
  EXPECT_EQ(lookup_character_name("NO SUCH NAME"), -1);
  EXPECT_EQ(character_name(0x2022), "BULLET");
  EXPECT_EQ(character_name(0xAC01), "HANGUL SYLLABLE GAG");
  EXPECT_EQ(character_name('\n'), "");
}

TEST(Source, Positions) {
  std::optional<Diagnostic> error;
  Source source = Source::from_text("ab\n\xC3\xA9x\n", "<test>", &error);
  EXPECT_EQ(source.position(0).line, 1u);
  EXPECT_EQ(source.position(5).line, 2u);
  EXPECT_EQ(source.position(5).column, 2u);
  EXPECT_EQ(source.character_column(5), 1u);
  EXPECT_EQ(source.line_text(2), "\xC3\xA9x");
  EXPECT_EQ(source.position(1).line, 1u);  // backwards works as well
}

TEST(Source, Encodings) {
  std::optional<Diagnostic> error;
  EXPECT_EQ(Source::from_bytes("# -*- coding: latin-1 -*-\n'\xE9'", "f", &error).text(),
            "# -*- coding: latin-1 -*-\n'\xC3\xA9'");
  EXPECT_FALSE(error);
  EXPECT_EQ(Source::from_bytes("\xEF\xBB\xBFx\r\ny\rz", "f", &error).text(), "x\ny\nz");
  EXPECT_FALSE(error);
  Source::from_bytes("x\n\xFF", "f.py", &error);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->message,
            "Non-UTF-8 code starting with '\\xff' in file f.py on line 2, but no encoding declared; see "
            "https://peps.python.org/pep-0263/ for details");
  error.reset();
  Source::from_bytes(std::string_view("x\0y", 3), "f", &error);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->message, "source code cannot contain null bytes");
  error.reset();
  Source::from_bytes("# coding: nothing-like-it\n", "f", &error);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->message, "encoding problem: nothing-like-it");
}

}  // namespace
