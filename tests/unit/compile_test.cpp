// The compiler from source to verified code: shapes of code that matter for speed, errors, bytes, limits.
#include <gtest/gtest.h>

#include <string>

#include "lang/code_unit_io.h"
#include "lang/compile.h"
#include "lang/disassembler.h"
#include "lang/verifier.h"

namespace {

using namespace mp::lang;

CompileResult run(const std::string& text, CompileOptions options = {}, Mode mode = Mode::Exec) {
  Source source = Source::from_text(text, "<test>");
  ParseOptions parse_options;
  parse_options.mode = mode;
  return compile_source(source, parse_options, options);
}

std::string error_of(const std::string& text) {
  CompileResult result = run(text);
  return result.error ? result.error->message : "none";
}

// The instructions of the first function, names only.
std::string shape(const std::string& text) {
  CompileResult result = run(text);
  if (!result.unit) return result.error->message;
  const CodeUnit& unit = *result.unit->functions.at(0);
  std::string names;
  for (uint32_t pc = 0; pc < unit.code.size();) {
    const OpInfo& info = op_info(unit.instruction(pc).opcode());
    if (!names.empty()) names += ' ';
    names += info.name;
    pc += static_cast<uint32_t>(info.length());
  }
  return names;
}

TEST(Compile, AnAdditionOfTwoLocalsIsOneInstruction) {
  EXPECT_EQ(shape("def f(a, b):\n c = a + b\n return c"), "ADD RETURN");
}

TEST(Compile, AWhileLoopCostsOneJumpPerIteration) {
  EXPECT_EQ(shape("def f(n):\n i = 0\n while i < n:\n  i += 1"),
            "LOAD_INT JUMP ADD_IMM LOOP_IF_LT RETURN_CONST");
}

TEST(Compile, AWalrusFurtherRightDoesNotChangeTheOperandOnTheLeft) {
  EXPECT_EQ(shape("def f(x):\n return x + (x := 5)"), "MOVE LOAD_INT ADD RETURN");
}

TEST(Compile, ALocalThatIsProvenAssignedIsNotChecked) {
  EXPECT_EQ(shape("def f(c):\n if c: x = 1\n else: x = 2\n return x"),
            "JUMP_IF_FALSE LOAD_INT JUMP LOAD_INT RETURN");
  EXPECT_EQ(shape("def f(c):\n if c: x = 1\n return x"), "JUMP_IF_FALSE LOAD_INT CHECK_BOUND RETURN");
  EXPECT_EQ(shape("def f():\n x = 1\n while x:\n  del x\n return x"),
            "LOAD_INT JUMP DELETE_LOCAL CHECK_BOUND LOOP_IF_TRUE RETURN");
}

TEST(Compile, DeadCodeIsLeftOut) {
  EXPECT_EQ(shape("def f():\n if 0: g()\n while 1: return 1\n return 2"),
            "RETURN_CONST JUMP");  // `if 0:` has a line
  EXPECT_EQ(shape("def f():\n return 1\n g()"), "RETURN_CONST");
}

TEST(Compile, AVariableOfAnInlinedComprehensionNeedsNoCell) {
  EXPECT_EQ(shape("def f(a, k):\n return [x + k for x in a]"),
            "GET_ITER BUILD_LIST FOR_ITER ADD LIST_APPEND FOR_LOOP RETURN");
}

TEST(Compile, NamesAreCheckedAsInCPython) {
  EXPECT_EQ(error_of("def f(a):\n global a"), "name 'a' is parameter and global");
  EXPECT_EQ(error_of("def f():\n x = 1\n global x"), "name 'x' is assigned to before global declaration");
  EXPECT_EQ(error_of("def f():\n print(x)\n global x"), "name 'x' is used prior to global declaration");
  EXPECT_EQ(error_of("def f():\n global x\n x: int = 1"), "annotated name 'x' can't be global");
  EXPECT_EQ(error_of("def f():\n nonlocal x"), "no binding for nonlocal 'x' found");
  EXPECT_EQ(error_of("nonlocal x"), "nonlocal declaration not allowed at module level");
  EXPECT_EQ(error_of("def f[T]():\n nonlocal T"), "nonlocal binding not allowed for type parameter 'T'");
  EXPECT_EQ(error_of("def f(a, a): pass"), "duplicate argument 'a' in function definition");
  EXPECT_EQ(error_of("def f[T, T](): pass"), "duplicate type parameter 'T'");
  EXPECT_EQ(error_of("def f():\n from a import *"), "import * only allowed at module level");
  EXPECT_EQ(error_of("[(x := 1) for x in y]"),
            "assignment expression cannot rebind comprehension iteration variable 'x'");
  EXPECT_EQ(error_of("class A: [(x := 1) for y in z]"),
            "assignment expression within a comprehension cannot be used in a class body");
  EXPECT_EQ(error_of("[y for x in (z := 1)]"),
            "assignment expression cannot be used in a comprehension iterable expression");
}

TEST(Compile, StatementsOutOfPlaceAreRejectedAsInCPython) {
  EXPECT_EQ(error_of("return 1"), "'return' outside function");
  EXPECT_EQ(error_of("class A: return"), "'return' outside function");
  EXPECT_EQ(error_of("yield 1"), "'yield' outside function");
  EXPECT_EQ(error_of("break"), "'break' outside loop");
  EXPECT_EQ(error_of("def f():\n continue"), "'continue' not properly in loop");
  EXPECT_EQ(error_of("await x"), "'await' outside function");
  EXPECT_EQ(error_of("def f(): await x"), "'await' outside async function");
  EXPECT_EQ(error_of("def f():\n async for x in y: pass"), "'async for' outside async function");
  EXPECT_EQ(error_of("def f():\n async with y: pass"), "'async with' outside async function");
  EXPECT_EQ(error_of("def f(): return [x async for x in y]"),
            "asynchronous comprehension outside of an asynchronous function");
  EXPECT_EQ(error_of("async def f():\n yield 1\n return 2"), "'return' with value in async generator");
  EXPECT_EQ(error_of("async def f():\n yield from x"), "'yield from' inside async function");
  EXPECT_EQ(error_of("def f():\n [(yield 1) for x in y]"), "'yield' inside list comprehension");
  EXPECT_EQ(error_of("try: pass\nexcept: pass\nexcept A: pass"), "default 'except:' must be last");
  EXPECT_EQ(error_of("while 1:\n try: pass\n except* A: break"),
            "'break', 'continue' and 'return' cannot appear in an except* block");
  EXPECT_EQ(error_of("x = 1\nfrom __future__ import annotations"),
            "from __future__ imports must occur at the beginning of the file");
  EXPECT_EQ(error_of("from __future__ import braces"), "not a chance");
  EXPECT_EQ(error_of("from __future__ import nothing"), "future feature nothing is not defined");
  EXPECT_EQ(error_of("*a, *b = c"), "multiple starred expressions in assignment");
  EXPECT_EQ(error_of("match x:\n case a | 1: pass"), "name capture 'a' makes remaining patterns unreachable");
  EXPECT_EQ(error_of("match x:\n case [a] | [b]: pass"), "alternative patterns bind different names");
  EXPECT_EQ(error_of("match x:\n case {0: _, False: _}: pass"),
            "mapping pattern checks duplicate key (False)");
  EXPECT_EQ(error_of("def f[T = int, U](): pass"),
            "non-default type parameter 'U' follows default type parameter");
}

TEST(Compile, AnnotationScopesTakeNoYieldAwaitOrWalrus) {
  EXPECT_EQ(error_of("type X = (yield 1)"), "yield expression cannot be used within a type alias");
  EXPECT_EQ(error_of("def f[T: (x := 1)](): pass"), "named expression cannot be used within a TypeVar bound");
  EXPECT_EQ(error_of("from __future__ import annotations\nx: (yield 1)"),
            "yield expression cannot be used within an annotation");
}

TEST(Compile, ConstantsAreFolded) {
  EXPECT_EQ(shape("def f():\n return (1, -2, 'a' * 3, 7 // 2, not 0)"), "RETURN_CONST");
  CompileResult result = run("x = 1 << 100");
  EXPECT_EQ(code_constant_repr(result.unit->constants[0]), "0x10000000000000000000000000");
}

TEST(Compile, WarnsAsCompileDoes) {
  CompileResult result = run("x is 1\nassert (a, 'b')\n'a'()\n[1]['x']");
  ASSERT_EQ(result.warnings.size(), 4u);
  EXPECT_EQ(result.warnings[0].message, "\"is\" with 'int' literal. Did you mean \"==\"?");
  EXPECT_EQ(result.warnings[1].message, "assertion is always true, perhaps remove parentheses?");
  EXPECT_EQ(result.warnings[2].message, "'str' object is not callable; perhaps you missed a comma?");
  EXPECT_EQ(result.warnings[3].message,
            "list indices must be integers or slices, not str; perhaps you missed a comma?");
}

TEST(Compile, OptimizeDropsAssertsAndDocstrings) {
  CompileOptions options;
  options.optimize = 2;
  CompileResult result = run("'doc'\nassert x\nif __debug__: y", options);
  EXPECT_EQ(result.unit->code.size(), 1u);
}

TEST(Compile, AFunctionInAFinallyPartIsCompiledTwiceAlike) {
  CompileResult result = run(
      "def f():\n try: g()\n finally:\n  def h(a):\n   b = a\n   class C: c = b\n   return [x for x in b]\n");
  const CodeUnit& f = *result.unit->functions[0];
  ASSERT_EQ(f.functions.size(), 2u);
  EXPECT_EQ(disassemble(*f.functions[0]), disassemble(*f.functions[1]));
}

TEST(Compile, QualifiedNamesAndFlags) {
  CompileResult result = run("class A:\n async def f(self, *a, **k):\n  yield lambda: self\n");
  const CodeUnit& f = *result.unit->functions[0]->functions[0];
  EXPECT_EQ(f.qualified_name, "A.f");
  EXPECT_EQ(f.flags & 0xfff, uint32_t(kCodeOptimized | kCodeNewLocals | kCodeVarArgs | kCodeVarKeywords |
                                      kCodeAsyncGenerator));
  EXPECT_EQ(f.functions[0]->qualified_name, "A.f.<locals>.<lambda>");
  EXPECT_TRUE(f.functions[0]->flags & kCodeNested);
}

TEST(Compile, FarJumpsAreFound) {
  std::string body = "def f(a, n):\n while a < n:\n  for x in a:\n   if a > n: continue\n";
  for (int i = 0; i < 12000; ++i) body += "   a.b(n)\n";
  CompileResult result = run(body);
  ASSERT_TRUE(result.unit);
  EXPECT_EQ(verify(*result.unit), "");
}

TEST(Compile, LongChainsNeedLittleStack) {
  std::string sum = "x = a", attributes = "y = a", branches = "if a: pass\n", calls = "z = a";
  for (int i = 0; i < 2000; ++i) {
    sum += " + a";
    attributes += ".b";
    branches += "elif b: pass\n";
  }
  for (const std::string& text : {sum, attributes, branches}) {
    CompileResult result = run(text);
    ASSERT_TRUE(result.unit) << result.error->message;
    EXPECT_EQ(verify(*result.unit), "");
    EXPECT_LT(result.unit->register_count, 10u);
  }
}

TEST(Compile, ManyElementsNeedFewRegisters) {
  std::string list = "x = [", dict = "y = {", call = "f(", text = "z = f'";
  for (int i = 0; i < 3000; ++i) {
    list += "a,";
    dict += "a: b,";
    call += "a,";
    text += "{a}";
  }
  for (const std::string& source : {list + "]", dict + "}", call + ")", text + "'"}) {
    CompileResult result = run(source);
    ASSERT_TRUE(result.unit) << result.error->message;
    EXPECT_EQ(verify(*result.unit), "");
    EXPECT_LT(result.unit->register_count, 300u);
  }
}

const char* const kSample =
    "import a.b as c\n"
    "def f(x, *y, z=1.5, **k):\n"
    " try:\n  with x as q: return [lambda: i for i in y]\n"
    " except E as e: raise e from None\n"
    " finally: print(k, 10 ** 20, 'caf\\u00e9 \\ud800', b'\\xff', 1j, ..., (1, (2,)))\n"
    "class D[T](B): x: T = {1: 2, **y}\n";

TEST(CodeUnitBytes, SurviveTheRoundTrip) {
  CompileResult result = run(kSample);
  ASSERT_TRUE(result.unit) << result.error->message;
  std::string bytes = write_code_unit(*result.unit);
  std::string error;
  std::unique_ptr<CodeUnit> back = read_code_unit(bytes, &error);
  ASSERT_TRUE(back) << error;
  EXPECT_EQ(disassemble(*back), disassemble(*result.unit));
  EXPECT_EQ(write_code_unit(*back), bytes);
}

TEST(CodeUnitBytes, WhatIsDamagedIsRejectedOrSound) {
  std::string bytes = write_code_unit(*run(kSample).unit);
  std::string error;
  for (size_t length = 0; length < bytes.size(); length += 7) {
    EXPECT_FALSE(read_code_unit(std::string_view(bytes).substr(0, length), &error));
  }
  uint32_t random = 1;
  for (int i = 0; i < 2000; ++i) {
    std::string damaged = bytes;
    random = random * 1664525u + 1013904223u;
    damaged[(random >> 8) % bytes.size()] ^= static_cast<char>(1 << (random & 7));
    std::unique_ptr<CodeUnit> unit = read_code_unit(damaged, &error);
    if (unit) {
      EXPECT_EQ(verify(*unit), "");
      disassemble(*unit);
    }
  }
}

}  // namespace
