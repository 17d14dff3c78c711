// CodeUnit is one compiled function, class body, module or expression as plain data: no heap object, no
// pointer into a source. It owns the instruction format and the tables beside the code (constants,
// exceptions, liveness, positions). It does not know how they were made (emitter.h) nor how they run
// (vm/exec). Instructions are documented in opcodes.def.
//
// Registers of a frame: [0, local_count) the locals in co_varnames order (positional, keyword-only, *args,
// **kwargs, others); then cell_count cells of this function's own cell variables (made by MAKE_CELL at
// entry), then free_count cells of free variables (COPY_FREE at entry); then temporaries, used like a stack,
// up to register_count. A parameter that is a cell variable arrives in its local register and moves into its
// cell; everybody uses the cell from then on. At entry a frame's locals beyond the parameters are empty
// (unbound); temporaries may hold anything that is a valid Value, live_at() says which ones matter.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace mp::lang {

enum class Op : uint8_t {
#define OP(NAME, A, B, C, EXTRA, CACHE, EFFECTS, SITE, DOC) NAME,
#define SPECIALISED(NAME, BASE, DOC) NAME,
#include "lang/opcodes.def"
};
#define OP(NAME, A, B, C, EXTRA, CACHE, EFFECTS, SITE, DOC) +1
#define SPECIALISED(NAME, BASE, DOC)
inline constexpr int kBaseOpCount = 0
#include "lang/opcodes.def"
    ;
#define OP(NAME, A, B, C, EXTRA, CACHE, EFFECTS, SITE, DOC) +1
#define SPECIALISED(NAME, BASE, DOC) +1
inline constexpr int kOpCount = 0
#include "lang/opcodes.def"
    ;
static_assert(kOpCount <= 256, "an opcode is one byte");

enum class Intrinsic : uint8_t {
#define OP(NAME, A, B, C, EXTRA, CACHE, EFFECTS, SITE, DOC)
#define INTRINSIC_FUNCTION(NAME, COUNT, DOC) NAME,
#include "lang/opcodes.def"
};
#define OP(NAME, A, B, C, EXTRA, CACHE, EFFECTS, SITE, DOC)
#define INTRINSIC_FUNCTION(NAME, COUNT, DOC) +1
inline constexpr int kIntrinsicCount = 0
#include "lang/opcodes.def"
    ;

// See the head of opcodes.def.
enum class Operand : uint8_t {
  None,
  W,
  R,
  M,
  W2,
  WC,
  WX,
  R2,
  R3,
  RC,
  RP,
  RK,
  RS,
  RF,
  CNT,
  I16,
  J16,
  N16,
  F16,
  I32,
  J32,
  N32,
  K32,
  CNT32,
};
enum OpEffects : uint8_t { kNone = 0, kRaises = 1, kJumps = 2, kEnds = 4, kSuspends = 8 };
enum class SwitchSite : uint8_t { None, Op, Back, Call, Entry, Await };

struct OpInfo {
  const char* name;
  Operand a, b, c;
  uint8_t extra_words;
  uint8_t cache_words;
  uint8_t effects;  // OpEffects
  SwitchSite site;
  Op base;                                                      // of a specialised form; itself otherwise
  int length() const { return 1 + extra_words + cache_words; }  // in words
};
extern const OpInfo kOpInfos[];
inline const OpInfo& op_info(Op op) { return kOpInfos[static_cast<int>(op)]; }
const char* intrinsic_name(Intrinsic intrinsic);
int intrinsic_argument_count(Intrinsic intrinsic);

// One word of code. On its own, or followed by an operand word and a cache word (see OpInfo).
struct Instruction {
  uint8_t op;
  uint8_t aux;
  uint16_t a;
  uint16_t b;
  uint16_t c;

  // A thread may be specialising it (vm/exec/ops.h, rewrite).
  Op opcode() const { return static_cast<Op>(__atomic_load_n(&op, __ATOMIC_RELAXED)); }
  int16_t sb() const { return static_cast<int16_t>(b); }  // I16 in b
  int16_t sc() const { return static_cast<int16_t>(c); }  // I16, J16 in c
  int32_t bc() const { return static_cast<int32_t>(uint32_t(b) | (uint32_t(c) << 16)); }
  void set_bc(int32_t value) {
    b = static_cast<uint16_t>(static_cast<uint32_t>(value));
    c = static_cast<uint16_t>(static_cast<uint32_t>(value) >> 16);
  }
};
static_assert(sizeof(Instruction) == 8);

// co_flags, with CPython's values.
enum CodeFlags : uint32_t {
  kCodeOptimized =
      0x1,  // locals live in registers (functions); without it names go through the frame's locals mapping
  kCodeNewLocals = 0x2,
  kCodeVarArgs = 0x4,
  kCodeVarKeywords = 0x8,
  kCodeNested = 0x10,
  kCodeGenerator = 0x20,
  kCodeCoroutine = 0x80,
  kCodeIterableCoroutine = 0x100,
  kCodeAsyncGenerator = 0x200,
  kCodeFutureDivision = 0x20000,
  kCodeFutureAbsoluteImport = 0x40000,
  kCodeFutureWithStatement = 0x80000,
  kCodeFuturePrintFunction = 0x100000,
  kCodeFutureUnicodeLiterals = 0x200000,
  kCodeFutureBarryAsBdfl = 0x400000,
  kCodeFutureGeneratorStop = 0x800000,
  kCodeFutureAnnotations = 0x1000000,
  kCodeHasDocstring = 0x4000000,  // 3.13: constants[0] is the docstring
  kCodeMethod = 0x8000000,        // 3.13: defined directly in a class body
};
inline constexpr uint32_t kCodeFutureMask =
    kCodeFutureDivision | kCodeFutureAbsoluteImport | kCodeFutureWithStatement | kCodeFuturePrintFunction |
    kCodeFutureUnicodeLiterals | kCodeFutureBarryAsBdfl | kCodeFutureGeneratorStop | kCodeFutureAnnotations;

struct CodeConstant {
  enum class Kind : uint8_t {
    None,
    False,
    True,
    Ellipsis,
    Int,
    BigInt,
    Float,
    Complex,
    String,
    Bytes,
    Tuple,
    FrozenSet
  };
  Kind kind = Kind::None;
  int64_t integer = 0;   // Int
  double real = 0;       // Float, Complex
  double imaginary = 0;  // Complex
  std::string text;      // String: WTF-8 (lone surrogates as three bytes); Bytes: the bytes; BigInt: sign and
                         // hexadecimal digits ("-ff")
  std::vector<CodeConstant> items;  // Tuple, FrozenSet

  bool operator==(
      const CodeConstant& other) const;  // same kind and bits: 0.0 and -0.0 differ, 1 and True differ
};

// pc in [start, end): an exception goes to `handler` with the exception in r[exception_register]. Sorted by
// start, disjoint.
struct ExceptionRange {
  uint32_t start;
  uint32_t end;
  uint32_t handler;
  uint16_t exception_register;
  uint16_t depth;  // number of try statements around this one in the function, for the curious
};

// From `start` on, registers [0, live) are in use (locals and cells always are). Sorted; an instruction's
// inputs count as live. While a frame is suspended in a call, the argument run of the call instruction is
// live as well: who wants them released early empties them when it moves them into the callee.
struct LiveRange {
  uint32_t start;
  uint32_t live;
};

// aux of JUMP: it is one of the out-of-line jumps of LineMark; and stands for no jump of the source.
inline constexpr uint8_t kJumpMarks = 2, kJumpIsNone = 1;
inline bool is_line_mark(const Instruction& at) {
  return at.opcode() == Op::JUMP && (at.aux & kJumpMarks) != 0;
}

// On the way from the instruction at `from` to the one at `to` the source passes a line that has no
// instruction of its own (`try:`, `pass`, a `break` that became part of a condition): who observes lines goes
// by `mark`, a JUMP at the end of the code that nothing else reaches.
struct LineMark {
  static constexpr uint32_t kEntry = UINT32_MAX;  // as `from`: the start of the function
  uint32_t from;
  uint32_t to;
  uint32_t mark;
  bool operator==(const LineMark&) const = default;
};

// A variable of an inlined comprehension (PEP 709) lives in a temporary while pc is in [start, end). It
// shadows a local of the same name for locals(), eval() and CHECK_BOUND's message. Later entries shadow
// earlier ones.
struct ScopedLocal {
  uint32_t name;  // index in names
  uint16_t reg;
  bool is_cell;
  uint32_t start;
  uint32_t end;
};

// Columns are 0-based in UTF-8 bytes; -1: unknown. line 0: an artificial instruction without a position.
struct CodePosition {
  int32_t line = 0;
  int32_t end_line = 0;
  int32_t column = -1;
  int32_t end_column = -1;
  bool operator==(const CodePosition& o) const {
    return line == o.line && end_line == o.end_line && column == o.column && end_column == o.end_column;
  }
};

struct CodeUnit {
  std::string name;
  std::string qualified_name;
  std::shared_ptr<const std::string> filename;  // shared by all units of one source
  uint32_t flags = 0;                           // CodeFlags
  uint32_t first_line = 1;
  uint16_t argument_count = 0;  // co_argcount: positional-only ones included
  uint16_t positional_only_count = 0;
  uint16_t keyword_only_count = 0;
  uint16_t local_count = 0;  // == local_names.size()
  uint16_t cell_count = 0;
  uint16_t free_count = 0;
  uint32_t register_count = 0;  // <= 65535
  bool frozen = false;          // of a module in minipy's own binary

  std::vector<uint64_t> code;  // Instructions, operand words, cache words
  std::vector<CodeConstant> constants;
  std::vector<std::unique_ptr<CodeUnit>>
      functions;  // what MAKE_FUNCTION makes; co_consts shows them behind the constants
  std::vector<std::string> names;
  std::vector<std::string> local_names;
  std::vector<std::string> cell_names;
  std::vector<std::string> free_names;
  std::vector<ExceptionRange> exceptions;
  std::vector<LiveRange> live_ranges;
  std::vector<ScopedLocal> scoped_locals;
  std::vector<LineMark> line_marks;  // sorted by `from`
  std::vector<uint8_t> positions;    // read with PositionReader

  Instruction instruction(uint32_t pc) const {
    Instruction i;
    __builtin_memcpy(&i, &code[pc], sizeof i);
    return i;
  }
  uint16_t first_cell() const { return local_count; }
  uint16_t first_free() const { return static_cast<uint16_t>(local_count + cell_count); }
  uint32_t first_temporary() const { return uint32_t(local_count) + cell_count + free_count; }

  uint32_t live_at(uint32_t pc) const;
  const ExceptionRange* handler_at(uint32_t pc) const;  // null: the exception leaves the frame
  CodePosition position_at(uint32_t pc) const;
  uint32_t line_at(uint32_t pc) const { return static_cast<uint32_t>(position_at(pc).line); }
  // The name of the variable in a local or scoped register; of the variable whose cell is in a register.
  std::string_view local_name_at(uint32_t pc, uint16_t reg) const;
  std::string_view cell_name_at(uint32_t pc, uint16_t reg) const;
  bool is_free(uint16_t reg) const { return reg >= first_free() && reg < first_temporary(); }
};

// Walks the positions in the order of the code: every entry covers pc in [start(), end()).
class PositionReader {
 public:
  explicit PositionReader(const CodeUnit& unit)
      : bytes_(unit.positions),
        size_(static_cast<uint32_t>(unit.code.size())),
        line_(static_cast<int32_t>(unit.first_line)) {}
  bool next();  // false at the end
  uint32_t start() const { return start_; }
  uint32_t end() const { return end_; }
  const CodePosition& position() const { return position_; }

 private:
  const std::vector<uint8_t>& bytes_;
  size_t at_ = 0;
  uint32_t size_;
  uint32_t start_ = 0;
  uint32_t end_ = 0;
  int32_t line_;
  CodePosition position_;
};

}  // namespace mp::lang
