#include <gtest/gtest.h>

#include "lang/layout.h"

namespace {

using namespace mp::lang;

// The kinds of the tokens, as text, without the start token.
std::string layout_of(const std::string& text) {
  std::optional<Diagnostic> error;
  Source source = Source::from_text(text, "<test>", &error);
  Arena arena;
  TokenStream stream = tokenize(source, arena);
  std::string out;
  for (size_t i = 1; i < stream.tokens.size(); ++i) {
    if (i > 1) out += ' ';
    out += token_text(stream.tokens[i].kind);
  }
  if (stream.has_error) out += ": " + stream.error.message;
  return out;
}

TEST(Layout, EmptyTextHasOnlyAnEnd) { EXPECT_EQ(layout_of(""), "end of file"); }

TEST(Layout, LastLineNeedsNoNewline) { EXPECT_EQ(layout_of("x"), "NAME NEWLINE end of file"); }

TEST(Layout, CommentOnlyLineDoesNotDedent) {
  EXPECT_EQ(layout_of("if x:\n  y\n# note\n  z\n"),
            "if NAME : NEWLINE INDENT NAME NEWLINE NAME NEWLINE DEDENT end of file");
}

TEST(Layout, BlankLinesMakeNoTokens) {
  EXPECT_EQ(layout_of("\n\n  \n\tx" + std::string("\n\n")), "INDENT NAME NEWLINE DEDENT end of file");
}

TEST(Layout, BracketsJoinLines) {
  EXPECT_EQ(layout_of("(x,\n  y)\n"), "( NAME , NAME ) NEWLINE end of file");
}

TEST(Layout, BackslashJoinsLines) {
  EXPECT_EQ(layout_of("x = \\\n  1\n"), "NAME = NUMBER NEWLINE end of file");
}

TEST(Layout, IndentationBeforeABackslashCounts) {
  EXPECT_EQ(layout_of("if x:\n    y\n  \\\n  z\n"),
            "if NAME : NEWLINE INDENT NAME NEWLINE error token: unindent does not match any outer "
            "indentation level");
}

TEST(Layout, TabsAndSpacesThatDependOnTheTabSizeAreRejected) {
  EXPECT_EQ(layout_of("if 1:\n        x\n\ty\n"),
            "if NUMBER : NEWLINE INDENT NAME NEWLINE error token: inconsistent use of tabs and spaces in "
            "indentation");
}

TEST(Layout, HundredLevelsOfIndentation) {
  auto nested = [](int depth) {
    std::string text;
    for (int i = 0; i < depth; ++i) text += std::string(static_cast<size_t>(i), ' ') + "if x:\n";
    return text + std::string(static_cast<size_t>(depth), ' ') + "y\n";
  };
  EXPECT_EQ(layout_of(nested(kMaxIndentation - 1)).find("too many"), std::string::npos);
  EXPECT_NE(layout_of(nested(kMaxIndentation)).find("too many levels of indentation"), std::string::npos);
}

TEST(Layout, TwoHundredBrackets) {
  std::string open(kMaxBrackets, '('), close(kMaxBrackets, ')');
  EXPECT_EQ(layout_of(open + close).find("too many"), std::string::npos);
  EXPECT_NE(layout_of("(" + open + close + ")").find("too many nested parentheses"), std::string::npos);
}

TEST(SoftKeywords, MatchIsAKeywordWhereTheLineEndsInAColon) {
  EXPECT_EQ(layout_of("match x:\n  case 1: y\n"),
            "match NAME : NEWLINE INDENT case NUMBER : NAME NEWLINE DEDENT end of file");
  EXPECT_EQ(layout_of("match (x):\n"), "match ( NAME ) : NEWLINE end of file");
  EXPECT_EQ(layout_of("match (x)\n"), "NAME ( NAME ) NEWLINE end of file");
  EXPECT_EQ(layout_of("match [x] = 1\n"), "NAME [ NAME ] = NUMBER NEWLINE end of file");
  EXPECT_EQ(layout_of("match: int = 1\n"), "NAME : NAME = NUMBER NEWLINE end of file");
  EXPECT_EQ(layout_of("match = {1:\n2}\n"), "NAME = { NUMBER : NUMBER } NEWLINE end of file");
}

TEST(SoftKeywords, CaseOnlyInsideOfMatch) {
  EXPECT_EQ(layout_of("case = 1\n"), "NAME = NUMBER NEWLINE end of file");
  EXPECT_EQ(layout_of("match x:\n case case: case\n"),
            "match NAME : NEWLINE INDENT case NAME : NAME NEWLINE DEDENT end of file");
  EXPECT_EQ(layout_of("match x:\n case 1:\n  case = 2\n"),
            "match NAME : NEWLINE INDENT case NUMBER : NEWLINE INDENT NAME = NUMBER NEWLINE DEDENT DEDENT "
            "end of file");
}

TEST(SoftKeywords, TypeBeforeAName) {
  EXPECT_EQ(layout_of("type X = int\n"), "type NAME = NAME NEWLINE end of file");
  EXPECT_EQ(layout_of("type type = type\n"), "type NAME = NAME NEWLINE end of file");
  EXPECT_EQ(layout_of("type(x)\n"), "NAME ( NAME ) NEWLINE end of file");
  EXPECT_EQ(layout_of("x = type\n"), "NAME = NAME NEWLINE end of file");
  EXPECT_EQ(layout_of("x; type Y = z\n"), "NAME ; type NAME = NAME NEWLINE end of file");
}

TEST(SoftKeywords, BracketOfWith) {
  EXPECT_EQ(layout_of("with (a, b): c\n"), "with ( of with NAME , NAME ) : NAME NEWLINE end of file");
  EXPECT_EQ(layout_of("with (a, b) as c: d\n"), "with ( NAME , NAME ) as NAME : NAME NEWLINE end of file");
  EXPECT_EQ(layout_of("with (yield): c\n"), "with ( yield ) : NAME NEWLINE end of file");
  EXPECT_EQ(layout_of("with (a for a in b): c\n"),
            "with ( NAME for NAME in NAME ) : NAME NEWLINE end of file");
}

TEST(FStrings, FieldsNestAndReuseQuotes) {
  EXPECT_EQ(layout_of("f'a{x}b'"),
            "FSTRING_START FSTRING_MIDDLE { of a replacement field NAME } of a replacement field "
            "FSTRING_MIDDLE FSTRING_END NEWLINE end of file");
  EXPECT_EQ(layout_of("f'{f'{x}'}'"),
            "FSTRING_START { of a replacement field FSTRING_START { of a replacement field NAME "
            "} of a replacement field FSTRING_END } of a replacement field FSTRING_END NEWLINE end of file");
}

TEST(FStrings, ColonOnlyAtTheTopOfAField) {
  EXPECT_EQ(layout_of("f'{x[1:2]:>3}'"),
            "FSTRING_START { of a replacement field NAME [ NUMBER : NUMBER ] : of a replacement field "
            "FSTRING_MIDDLE } of a replacement field FSTRING_END NEWLINE end of file");
  EXPECT_EQ(layout_of("f'{x:=3}'"),
            "FSTRING_START { of a replacement field NAME : of a replacement field FSTRING_MIDDLE "
            "} of a replacement field FSTRING_END NEWLINE end of file");
  EXPECT_EQ(layout_of("f'{(x:=3)}'"),
            "FSTRING_START { of a replacement field ( NAME := NUMBER ) } of a replacement field FSTRING_END "
            "NEWLINE end of file");
}

TEST(FStrings, Errors) {
  EXPECT_NE(layout_of("f'}'").find("f-string: single '}' is not allowed"), std::string::npos);
  EXPECT_NE(layout_of("f'{x'").find("f-string: expecting '}'"), std::string::npos);
  EXPECT_NE(layout_of("f'abc").find("unterminated f-string literal (detected at line 1)"), std::string::npos);
  EXPECT_NE(layout_of("f'''a\nb").find("unterminated triple-quoted f-string literal (detected at line 2)"),
            std::string::npos);
  EXPECT_NE(layout_of("f'{)}'").find("f-string: unmatched ')'"), std::string::npos);
  EXPECT_NE(layout_of("f'{a:{b:{c:{d}}}}'").find("f-string: expressions nested too deeply"),
            std::string::npos);
  std::string deep = "x";
  for (int i = 0; i < kMaxFStrings; ++i) deep = "f'{" + deep + "}'";
  EXPECT_NE(layout_of(deep).find("too many nested f-strings"), std::string::npos);
}

TEST(Brackets, MismatchNamesBothSides) {
  EXPECT_NE(layout_of("(]").find("closing parenthesis ']' does not match opening parenthesis '('"),
            std::string::npos);
  EXPECT_NE(
      layout_of("(\n]").find("closing parenthesis ']' does not match opening parenthesis '(' on line 1"),
      std::string::npos);
  EXPECT_NE(layout_of(")").find("unmatched ')'"), std::string::npos);
}

TEST(Identifiers, AreNormalised) {
  std::optional<Diagnostic> error;
  Source source = Source::from_text("\xEF\xAC\x81 fi", "<test>", &error);  // the ligature fi
  Arena arena;
  TokenStream stream = tokenize(source, arena);
  EXPECT_EQ(stream.tokens[1].value.name, stream.tokens[2].value.name);
  EXPECT_EQ(stream.tokens[1].value.name, "fi");
}

TEST(Identifiers, OtherCharactersAreNamedInTheError) {
  EXPECT_NE(layout_of("a\xE2\x82\xAC").find("invalid character '\xE2\x82\xAC' (U+20AC)"), std::string::npos);
  EXPECT_NE(layout_of("a\xC2\xA0").find("invalid non-printable character U+00A0"), std::string::npos);
}

}  // namespace
