#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "lang/frontend.h"

namespace {

using namespace mp::lang;

struct Parsed {
  std::string dump, error, kind;
  bool incomplete = false;
  std::vector<std::string> warnings;
  Diagnostic diagnostic;
};

Parsed parse_text(const std::string& text, ParseOptions options = {}) {
  std::optional<Diagnostic> error;
  Source source = Source::from_text(text, "<test>", &error);
  Arena arena;
  ParseResult result = parse(source, arena, options);
  Parsed parsed;
  parsed.incomplete = result.incomplete;
  if (result.ok()) parsed.dump = dump_ast(result.module);
  if (result.error) {
    parsed.error = result.error->message;
    parsed.kind = diagnostic_kind_name(result.error->kind);
    parsed.diagnostic = *result.error;
  }
  for (const Diagnostic& warning : result.warnings) parsed.warnings.push_back(warning.message);
  return parsed;
}

std::string expression(const std::string& text) {
  ParseOptions options;
  options.mode = Mode::Eval;
  Parsed parsed = parse_text(text, options);
  return parsed.error.empty() ? parsed.dump : parsed.error;
}

TEST(Parser, Precedence) {
  EXPECT_EQ(expression("-a ** -b"), expression("-(a ** (-b))"));
  EXPECT_EQ(expression("a + b * c @ d"), expression("a + ((b * c) @ d)"));
  EXPECT_EQ(expression("a | b ^ c & d << e + f"), expression("a | (b ^ (c & (d << (e + f))))"));
  EXPECT_EQ(expression("not a == b"), expression("not (a == b)"));
  EXPECT_EQ(expression("a or b and not c"), expression("a or (b and (not c))"));
  EXPECT_EQ(expression("await a ** b"), expression("(await a) ** b"));
  EXPECT_EQ(expression("a ** b ** c"), expression("a ** (b ** c)"));
  EXPECT_EQ(expression("lambda: a if b else c"), expression("lambda: (a if b else c)"));
  EXPECT_NE(expression("(a < b) < c"), expression("a < b < c"));
}

TEST(Parser, FStrings) {
  EXPECT_EQ(expression("f'a{x!r:>{w}}{{b'"),
            "Expression(body=JoinedStr(values=[Constant(value='a'), FormattedValue(value=Name(id='x', "
            "ctx=Load()), conversion=114, "
            "format_spec=JoinedStr(values=[Constant(value='>'), FormattedValue(value=Name(id='w', "
            "ctx=Load()), conversion=-1)])), "
            "Constant(value='{b')]))");
  EXPECT_EQ(expression("f'{x = }'"),
            "Expression(body=JoinedStr(values=[Constant(value='x = '), FormattedValue(value=Name(id='x', "
            "ctx=Load()), conversion=114)]))");
  EXPECT_EQ(expression("'a' f'{x}' 'b' 'c'"),
            "Expression(body=JoinedStr(values=[Constant(value='a'), FormattedValue(value=Name(id='x', "
            "ctx=Load()), conversion=-1), Constant(value='bc')]))");
}

TEST(Parser, DeepTreesAreRejectedNotOverflowing) {
  std::string chain = "a";
  for (int i = 0; i < kMaxAstDepth + 10; ++i) chain += "+a";
  for (const std::string& text : {chain, std::string(100000, '-') + "1", "a" + [] {
                                    std::string calls;
                                    for (int i = 0; i < 50000; ++i) calls += "()";
                                    return calls;
                                  }()}) {
    Parsed parsed = parse_text(text);
    EXPECT_EQ(parsed.kind, "RecursionError");
    EXPECT_EQ(parsed.error, "maximum recursion depth exceeded during compilation");
  }
}

TEST(Parser, TellsIncompleteInputFromWrongInput) {
  ParseOptions options;
  options.mode = Mode::Single;
  options.allow_incomplete = true;
  for (const char* text : {"if x:\n", "if x:\n  y", "(1,\n", "x = '''a\n", "def f():\n", "@d\n", "x = \\\n",
                           "class A:\n  def f(self):\n", "for x in y:", "f'''{\n", "try:\n  x\n"})
    EXPECT_TRUE(parse_text(text, options).incomplete) << text;
  for (const char* text : {"x\n", "if x:\n  y\n", "x y\n", "x = 'a\n", ")\n", "x = 1 +\n", "if x: y z\n"})
    EXPECT_FALSE(parse_text(text, options).incomplete) << text;
}

TEST(Parser, SingleModeTakesOneStatement) {
  ParseOptions options;
  options.mode = Mode::Single;
  EXPECT_EQ(parse_text("x; y\n", options).error, "");
  EXPECT_EQ(parse_text("x\ny\n", options).error,
            "multiple statements found while compiling a single statement");
}

TEST(Parser, Warnings) {
  EXPECT_EQ(parse_text("'\\d'").warnings, std::vector<std::string>{"invalid escape sequence '\\d'"});
  EXPECT_EQ(parse_text("f'\\d{x}'").warnings, std::vector<std::string>{"invalid escape sequence '\\d'"});
  EXPECT_EQ(parse_text("1if x else y").warnings, std::vector<std::string>{"invalid decimal literal"});
}

// tests/golden/syntax_errors.txt: source <tab> kind <tab> message <tab> line,offset,end_line,end_offset; \n,
// \t and \\ are escaped. MINIPY_ACCEPT=1 rewrites it.
std::string unescape(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) {
      char c = text[++i];
      out += c == 'n' ? '\n' : c == 't' ? '\t' : c;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string escape(const std::string& text) {
  std::string out;
  for (char c : text) out += c == '\n' ? "\\n" : c == '\t' ? "\\t" : c == '\\' ? "\\\\" : std::string(1, c);
  return out;
}

TEST(Parser, MessagesAndPositionsAreCPythons) {
  const std::string path = std::string(MINIPY_SOURCE_DIR) + "/tests/golden/syntax_errors.txt";
  std::ifstream file(path);
  ASSERT_TRUE(file) << path;
  std::string line, rewritten;
  int count = 0;
  while (std::getline(file, line)) {
    std::string source = line.substr(0, line.find('\t'));
    Parsed parsed = parse_text(unescape(source));
    const Diagnostic& at = parsed.diagnostic;
    std::ostringstream found;
    found << source << '\t' << parsed.kind << '\t' << escape(parsed.error) << '\t' << at.line << ','
          << at.offset << ',' << at.end_line << ',' << at.end_offset;
    EXPECT_EQ(found.str(), line);
    rewritten += found.str() + "\n";
    ++count;
  }
  EXPECT_GT(count, 700);
  if (const char* accept = std::getenv("MINIPY_ACCEPT"); accept != nullptr && std::string(accept) == "1")
    std::ofstream(path) << rewritten;
}

}  // namespace
