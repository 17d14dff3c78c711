// _dis: what the module dis stands on: our instructions, as lists. It knows operands, not how they are shown.
#include <algorithm>

#include "lang/disassembler.h"
#include "lang/operands.h"
#include "vm/exec/code.h"
#include "vm/native/native.h"
#include "vm/protocol/protocol.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"

namespace mp {
namespace {

using lang::Operand;

constexpr const char* kOperandNames[] = {"",    "W",   "R",   "M",   "W2",  "WC",  "WX",  "R2",
                                         "R3",  "RC",  "RP",  "RK",  "RS",  "RF",  "CNT", "I16",
                                         "J16", "N16", "F16", "I32", "J32", "N32", "K32", "CNT32"};
static_assert(std::size(kOperandNames) == lang::kOperandCount);

constexpr const char* kDocs[] = {
#define OP(NAME, A, B, C, EXTRA, CACHE, EFFECTS, SITE, DOC) DOC,
#define SPECIALISED(NAME, BASE, DOC) DOC,
#include "lang/opcodes.def"
};

Result<Value> opcodes(Thread& t, const Value*) {
  ListObject* list = make_list(t, lang::kOpCount);
  for (int number = 0; number < lang::kOpCount; ++number) {
    const lang::OpInfo& info = lang::op_info(static_cast<lang::Op>(number));
    Value kinds = make_tuple(t, {make_str(t, kOperandNames[static_cast<int>(info.a)]),
                                 make_str(t, kOperandNames[static_cast<int>(info.b)]),
                                 make_str(t, kOperandNames[static_cast<int>(info.c)])});
    TRY(list_append(t, list,
                    make_tuple(t, {make_str(t, info.name), make_int(t, static_cast<int>(info.base)), kinds,
                                   make_int(t, info.length()), make_int(t, info.cache_words),
                                   make_str(t, kDocs[number])})));
  }
  return list;
}

// The names of an operand's registers as a tuple, or its number.
Value operand(Thread& t, const CodeObject* code, uint32_t pc, Operand kind, uint16_t value,
              const lang::Instruction& i) {
  switch (kind) {
    case Operand::None: return kNone;
    case Operand::I16:
    case Operand::J16: return make_int(t, static_cast<int16_t>(value));
    case Operand::CNT:
    case Operand::N16:
    case Operand::F16: return make_int(t, value);
    case Operand::I32:
    case Operand::J32:
    case Operand::N32:
    case Operand::K32:
    case Operand::CNT32: return make_int(t, i.bc());
    default: break;
  }
  auto count = static_cast<size_t>(std::max(lang::read_count(kind, i), lang::write_count(kind, i)));
  TupleObject* names = allocate_tuple(t, count);
  for (size_t n = 0; n < count; ++n)
    names->items()[n] = make_str(t, lang::register_name(*code->unit, pc, value + static_cast<uint32_t>(n)));
  return names;
}

// The constant, name, function, jump target (a word) or keywords that an instruction names; else None.
Result<Value> meaning(Thread& t, CodeObject* code, uint32_t pc, const lang::OpInfo& info,
                      const lang::Instruction& i) {
  if (info.extra_words != 0) {
    uint64_t index = code->unit->code[pc + 1];
    if (index < code->constant_count) return code->constants[index].get();
  }
  if (lang::has_jump(info)) return make_int(t, lang::jump_target(*code->unit, pc));
  auto index = static_cast<uint32_t>(i.bc());
  if (info.b == Operand::K32 && index < code->constant_count) return code->constants[index].get();
  if (info.b == Operand::N32 && index < code->name_count) return Value(code->names[index]);
  if (info.c == Operand::N16 && i.c < code->name_count) return Value(code->names[i.c]);
  if (info.c == Operand::F16 && i.c < code->function_count) return Value(linked_function(t, code, i.c));
  if (info.base == lang::Op::INTRINSIC && i.aux < lang::kIntrinsicCount)
    return make_str(t, lang::intrinsic_name(static_cast<lang::Intrinsic>(i.aux)));
  return kNone;
}

Result<Value> instructions(Thread& t, const Value* args) {
  if (!is_kind(args[0], Kind::Code))
    return t.raise(Exc::TypeError, "a code object is needed, not {}", type_name(t, args[0]));
  auto* code = args[0].as<CodeObject>();
  bool adaptive = TRY(truth(t, args[1]));
  ListObject* list = make_list(t);
  for (uint32_t pc = 0; pc < code->word_count;) {
    lang::Instruction i = code->unit->instruction(pc);
    const lang::OpInfo& info = lang::op_info(i.opcode());
    // A specialised form has the length and the operands of its base.
    lang::Op shown = adaptive ? code->instructions[pc].opcode() : i.opcode();
    TRY(list_append(
        t, list,
        make_tuple(t, {make_int(t, pc), make_int(t, static_cast<int>(shown)), make_int(t, i.aux),
                       operand(t, code, pc, info.a, i.a, i), operand(t, code, pc, info.b, i.b, i),
                       operand(t, code, pc, info.c, i.c, i), TRY(meaning(t, code, pc, info, i))})));
    pc += static_cast<uint32_t>(info.length());
  }
  return list;
}

Result<Value> handlers(Thread& t, const Value* args) {
  if (!is_kind(args[0], Kind::Code))
    return t.raise(Exc::TypeError, "a code object is needed, not {}", type_name(t, args[0]));
  const lang::CodeUnit& unit = *args[0].as<CodeObject>()->unit;
  ListObject* list = make_list(t);
  for (const lang::ExceptionRange& range : unit.exceptions)
    TRY(list_append(
        t, list,
        make_tuple(t, {make_int(t, range.start), make_int(t, range.end), make_int(t, range.handler),
                       make_int(t, range.depth),
                       make_str(t, lang::register_name(unit, range.handler, range.exception_register))})));
  return list;
}

const NativeDef kFunctions[] = {
    MP_FUNCTION(opcodes, "opcodes()",
                "By number: (name, number of the base form, kinds of the operands, length in words, words of "
                "them that are a cache, doc)."),
    MP_FUNCTION(instructions, "instructions(code, adaptive, /)",
                "Of each: (word, opcode, aux, operand a, b, c, what it names). An operand is a tuple of the "
                "names of registers, a number, or None."),
    MP_FUNCTION(handlers, "handlers(code, /)",
                "Of each range of words with a handler: (start, end, handler, depth, register)."),
    MP_END};

}  // namespace

extern const ModuleSpec kDisModule;
const ModuleSpec kDisModule = {"_dis", "What the module dis stands on.", kFunctions};

}  // namespace mp
