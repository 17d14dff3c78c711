#include "lang/disassembler.h"

#include <fmt/format.h>

#include "lang/ast.h"
#include "lang/operands.h"

namespace mp::lang {

std::string code_constant_repr(const CodeConstant& constant) {
  using Kind = CodeConstant::Kind;
  ConstantValue value;
  switch (constant.kind) {
    case Kind::None: return "None";
    case Kind::False: return "False";
    case Kind::True: return "True";
    case Kind::Ellipsis: return "...";
    case Kind::Int: return fmt::format("{}", constant.integer);
    case Kind::BigInt:
      return constant.text.starts_with("-") ? "-0x" + constant.text.substr(1) : "0x" + constant.text;
    case Kind::Float:
      value.kind = ConstantKind::Float;
      value.real = constant.real;
      return constant_repr(value);
    case Kind::Complex: return fmt::format("({}{:+}j)", constant.real, constant.imaginary);
    case Kind::String:
      value.kind = ConstantKind::Str;
      value.text = constant.text;
      return constant_repr(value);
    case Kind::Bytes:
      value.kind = ConstantKind::Bytes;
      value.text = constant.text;
      return constant_repr(value);
    case Kind::Tuple:
    case Kind::FrozenSet: {
      std::string text = constant.kind == Kind::Tuple ? "(" : "frozenset({";
      for (size_t i = 0; i < constant.items.size(); ++i) {
        if (i) text += ", ";
        text += code_constant_repr(constant.items[i]);
      }
      if (constant.kind == Kind::Tuple && constant.items.size() == 1) text += ",";
      return text + (constant.kind == Kind::Tuple ? ")" : "})");
    }
  }
  return "?";
}

std::string register_name(const CodeUnit& unit, uint32_t pc, uint32_t reg) {
  if (reg < unit.local_count) return unit.local_names[reg];
  if (reg < unit.first_free()) return "&" + unit.cell_names[reg - unit.first_cell()];
  if (reg < unit.first_temporary()) return "&" + unit.free_names[reg - unit.first_free()];
  std::string_view scoped = unit.local_name_at(pc, static_cast<uint16_t>(reg));
  if (scoped != "?") return fmt::format("t{}:{}", reg - unit.first_temporary(), scoped);
  return fmt::format("t{}", reg - unit.first_temporary());
}

namespace {

std::string run_name(const CodeUnit& unit, uint32_t pc, uint32_t first, int count) {
  if (count == 0) return "-";
  std::string text = register_name(unit, pc, first);
  return count == 1
             ? text
             : fmt::format("{}..{}", text, register_name(unit, pc, first + static_cast<uint32_t>(count) - 1));
}

std::string operand_text(const CodeUnit& unit, uint32_t pc, Operand kind, uint16_t value,
                         const Instruction& i) {
  switch (kind) {
    case Operand::None: return "";
    case Operand::W:
    case Operand::R:
    case Operand::M: return register_name(unit, pc, value);
    case Operand::W2:
    case Operand::R2: return run_name(unit, pc, value, 2);
    case Operand::R3: return run_name(unit, pc, value, 3);
    case Operand::WC:
    case Operand::RC:
    case Operand::RS: return run_name(unit, pc, value, i.c);
    case Operand::WX: return run_name(unit, pc, value, i.c + 1 + i.aux);
    case Operand::RP: return run_name(unit, pc, value, 2 * i.c);
    case Operand::RK: return run_name(unit, pc, value, i.c + 2);
    case Operand::RF: return run_name(unit, pc, value, __builtin_popcount(i.aux & 15));
    case Operand::CNT: return fmt::format("{}", value);
    case Operand::I16: return fmt::format("{}", static_cast<int16_t>(value));
    case Operand::J16:
    case Operand::J32: return fmt::format("-> {}", jump_target(unit, pc));
    case Operand::N16: return value < unit.names.size() ? "." + unit.names[value] : "?";
    case Operand::F16:
      return value < unit.functions.size() ? "<" + unit.functions[value]->qualified_name + ">" : "?";
    case Operand::I32:
    case Operand::CNT32: return fmt::format("{}", i.bc());
    case Operand::N32: {
      size_t index = static_cast<size_t>(i.bc());
      return index < unit.names.size() ? unit.names[index] : "?";
    }
    case Operand::K32: {
      size_t index = static_cast<size_t>(i.bc());
      return index < unit.constants.size() ? code_constant_repr(unit.constants[index]) : "?";
    }
  }
  return "";
}

}  // namespace

std::string disassemble_instruction(const CodeUnit& unit, uint32_t pc) {
  Instruction i = unit.instruction(pc);
  const OpInfo& info = op_info(i.opcode());
  std::string text = fmt::format("{:<25}", info.name);
  bool first = true;
  uint16_t values[] = {i.a, i.b, i.c};
  Operand kinds[] = {info.a, info.b, info.c};
  for (int k = 0; k < 3; ++k) {
    std::string part = operand_text(unit, pc, kinds[k], values[k], i);
    if (part.empty()) continue;
    if (!first) text += ", ";
    first = false;
    text += part;
  }
  if (i.opcode() == Op::INTRINSIC) {
    text +=
        fmt::format("  {}", i.aux < kIntrinsicCount ? intrinsic_name(static_cast<Intrinsic>(i.aux)) : "?");
  } else if (i.aux != 0) {
    text += fmt::format("  [{}]", i.aux);
  }
  if (info.extra_words) {
    uint64_t extra = unit.code[pc + 1];
    text +=
        fmt::format("  {}", extra < unit.constants.size() ? code_constant_repr(unit.constants[extra]) : "?");
  }
  while (!text.empty() && text.back() == ' ') text.pop_back();
  return text;
}

std::string disassemble(const CodeUnit& unit, const DisassembleOptions& options) {
  std::string text =
      fmt::format("{} line {}: {} registers", unit.qualified_name, unit.first_line, unit.register_count);
  auto list = [&](const char* what, const std::vector<std::string>& names) {
    if (names.empty()) return;
    text += fmt::format(", {}", what);
    for (const std::string& name : names) text += ' ' + name;
  };
  list("locals", unit.local_names);
  list("cells", unit.cell_names);
  list("free", unit.free_names);
  text += '\n';
  std::vector<bool> targets(unit.code.size() + 1, false);
  for (uint32_t pc = 0; pc < unit.code.size();) {
    const OpInfo& info = op_info(unit.instruction(pc).opcode());
    if (has_jump(info) && jump_target(unit, pc) <= unit.code.size()) targets[jump_target(unit, pc)] = true;
    pc += static_cast<uint32_t>(info.length());
  }
  for (const ExceptionRange& range : unit.exceptions) targets[range.handler] = true;
  PositionReader reader(unit);
  reader.next();
  int32_t line = -1;
  for (uint32_t pc = 0; pc < unit.code.size();) {
    const OpInfo& info = op_info(unit.instruction(pc).opcode());
    while (pc >= reader.end() && reader.next()) {
    }
    const CodePosition& position = reader.position();
    std::string at = position.line == line || position.line == 0 ? "" : fmt::format("{}", position.line);
    if (position.line != 0) line = position.line;
    text +=
        fmt::format("{:>5} {}{:>5}  {}", at, targets[pc] ? '>' : ' ', pc, disassemble_instruction(unit, pc));
    if (options.positions && position.line != 0) {
      text += fmt::format("   # {}:{}-{}:{}", position.line, position.column, position.end_line,
                          position.end_column);
    }
    if (options.live) text += fmt::format("   # live {}", unit.live_at(pc));
    text += '\n';
    pc += static_cast<uint32_t>(info.length());
  }
  for (const ExceptionRange& range : unit.exceptions) {
    text += fmt::format("      {} to {} -> {}, exception in {}\n", range.start, range.end, range.handler,
                        register_name(unit, range.handler, range.exception_register));
  }
  if (options.nested) {
    for (const auto& function : unit.functions) text += '\n' + disassemble(*function, options);
  }
  return text;
}

}  // namespace mp::lang
