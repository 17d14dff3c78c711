#include <cstring>
#include <unordered_map>

#include "lang/code_unit_columns.h"
#include "lang/code_unit_io.h"
#include "lang/position_guess.h"
#include "lang/temporaries.h"

namespace mp::lang {

namespace {

class Writer {
 public:
  std::string bytes;
  void byte(uint8_t value) { bytes += static_cast<char>(value); }
  void number(uint64_t value) {
    while (value >= 0x80) {
      byte(static_cast<uint8_t>(value | 0x80));
      value >>= 7;
    }
    byte(static_cast<uint8_t>(value));
  }
  void signed_number(int64_t value) {
    number((static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63));
  }
  void fixed(uint64_t value) { bytes.append(reinterpret_cast<const char*>(&value), sizeof value); }
};

class UnitWriter {
 public:
  std::string finish(const CodeUnit& unit) {
    write(unit);
    Writer out;
    out.bytes.append(kCodeUnitMagic, sizeof kCodeUnitMagic);
    out.fixed(code_format_stamp());
    for (const std::string* each : strings_) {
      columns_[kLengths].number(each->size());
      columns_[kText].bytes += *each;
    }
    for (const Writer& each : columns_) out.number(each.bytes.size());
    for (const Writer& each : columns_) out.bytes += each.bytes;
    return std::move(out.bytes);
  }

 private:
  void string(const std::string& value) {
    auto [it, fresh] = index_.emplace(value, strings_.size());
    if (fresh) {
      columns_[kStrings].number(0);
      recent_.add(static_cast<uint32_t>(strings_.size()));
      strings_.push_back(&it->first);
      return;
    }
    size_t n = recent_.find(static_cast<uint32_t>(it->second));
    columns_[kStrings].number(n);
    recent_.use(n);
  }
  void strings(const std::vector<std::string>& list) {
    body_.number(list.size());
    for (const std::string& each : list) string(each);
  }
  void real(double value) {
    uint64_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    columns_[kConstants].fixed(bits);
  }
  void constant(const CodeConstant& value) {
    using Kind = CodeConstant::Kind;
    columns_[kConstants].byte(static_cast<uint8_t>(value.kind));
    switch (value.kind) {
      case Kind::Int: columns_[kConstants].signed_number(value.integer); break;
      case Kind::Complex: real(value.imaginary); [[fallthrough]];
      case Kind::Float: real(value.real); break;
      case Kind::BigInt:
      case Kind::String:
      case Kind::Bytes: string(value.text); break;
      case Kind::Tuple:
      case Kind::FrozenSet:
        columns_[kConstants].number(value.items.size());
        for (const CodeConstant& item : value.items) constant(item);
        break;
      default: break;
    }
  }
  void operand(Column registers, Operand kind, int64_t value) {
    if (kind == Operand::None) return;
    Column column = operand_column(kind, registers);
    if (IndexCode* code = indexes_.of(kind))
      columns_[column].signed_number(code->encode(value));
    else if (names_register(kind))
      columns_[column].number(stack_.encode(static_cast<uint32_t>(value)));
    else if (is_signed(kind))
      columns_[column].signed_number(value);
    else
      columns_[column].number(static_cast<uint64_t>(value));
  }
  // Gives the position of the next instruction.
  uint32_t instruction(const CodeUnit& unit, uint32_t pc) {
    Instruction i = unit.instruction(pc);
    const OpInfo& info = op_info(i.opcode());
    uint64_t extra = info.extra_words > 0 ? unit.code[pc + 1] : 0;
    uint64_t cache = info.cache_words > 0 ? unit.code[pc + 1 + info.extra_words] : 0;
    int odd =
        (i.aux != 0 ? kOddAux : 0) | (extra != 0 ? kOddExtraWord : 0) | (cache != 0 ? kOddCacheWord : 0);
    if (odd != 0) {
      columns_[kOps].byte(kOddInstruction);
      columns_[kOddFields].byte(static_cast<uint8_t>(odd));
      if (i.aux != 0) columns_[kAuxes].byte(i.aux);
      if (extra != 0) columns_[kWords].number(extra);
      if (cache != 0) columns_[kWords].number(cache);
    }
    columns_[kOps].byte(i.op);
    operand(kOperandA, info.a, i.a);
    if (has_wide_operand(info)) {
      operand(kOperandB, info.b,
              is_signed(info.b) ? int64_t{i.bc()} : int64_t{static_cast<uint32_t>(i.bc())});
    } else {
      operand(kOperandB, info.b, is_signed(info.b) ? i.sb() : int64_t{i.b});
      operand(kOperandC, info.c, is_signed(info.c) ? i.sc() : int64_t{i.c});
    }
    stack_.after(TemporaryUse(i, stack_.first()));
    return pc + static_cast<uint32_t>(info.length());
  }
  void positions(const CodeUnit& unit) {
    size_t count = 0;
    for (PositionReader reader(unit); reader.next();) ++count;
    body_.number(count);
    PositionReader reader(unit);
    PositionGuess guess(unit);
    auto line = static_cast<int32_t>(unit.first_line);
    while (reader.next()) {
      const CodePosition& position = reader.position();
      uint64_t instructions = 0;
      for (uint32_t pc = reader.start(); pc < reader.end(); ++instructions)
        pc += static_cast<uint32_t>(op_info(unit.instruction(pc).opcode()).length());
      columns_[kPositionLength].number(instructions);
      if (position.line == 0) {
        columns_[kPositionLine].number(0);
        columns_[kPositionSpan].number(0);
        continue;
      }
      guess.begin(reader.start(), reader.end());
      columns_[kPositionLine].signed_number(position.line - line);
      line = position.line;
      columns_[kPositionSpan].number(static_cast<uint64_t>(position.end_line - position.line + 1));
      int32_t column = guess.column();
      if (column == PositionGuess::kUnknown)
        columns_[kPositionColumn].signed_number(position.column);
      else
        columns_[kPositionColumnGuessed].signed_number(position.column - column);
      int32_t end = guess.end_column(position.column);
      if (position.end_line != position.line)
        columns_[kPositionEnd].signed_number(position.end_column);
      else if (end == PositionGuess::kUnknown)
        columns_[kPositionEnd].signed_number(position.end_column - position.column);
      else
        columns_[kPositionEndGuessed].signed_number(position.end_column - end);
      guess.learn(position);
    }
  }
  void live_ranges(const CodeUnit& unit) {
    LiveGuess guess(unit);
    uint64_t right = 0;
    size_t range = 0;
    uint32_t live = unit.first_temporary();
    for (uint32_t pc = 0; pc < unit.code.size();) {
      while (range < unit.live_ranges.size() && unit.live_ranges[range].start <= pc)
        live = unit.live_ranges[range++].live;
      uint32_t guessed = guess.at(pc);
      if (guessed == live) {
        ++right;
      } else {
        columns_[kLiveLength].number(right);
        columns_[kLive].signed_number(int64_t{live} - guessed);
        right = 0;
      }
      pc += guess.length(pc);
    }
    columns_[kLiveLength].number(right);
  }
  void write(const CodeUnit& unit) {
    string(unit.name);
    string(unit.qualified_name);
    string(*unit.filename);
    for (uint64_t each :
         {uint64_t(unit.flags), uint64_t(unit.argument_count), uint64_t(unit.positional_only_count),
          uint64_t(unit.keyword_only_count), uint64_t(unit.register_count)}) {
      body_.number(each);
    }
    columns_[kFirstLine].signed_number(int64_t{unit.first_line} - first_line_);
    first_line_ = unit.first_line;
    strings(unit.local_names);
    strings(unit.cell_names);
    strings(unit.free_names);
    strings(unit.names);
    body_.number(unit.code.size());
    indexes_ = {};
    stack_ = TemporaryStack(unit.first_temporary());
    for (uint32_t pc = 0; pc < unit.code.size();) pc = instruction(unit, pc);
    body_.number(unit.constants.size());
    for (const CodeConstant& each : unit.constants) constant(each);
    body_.number(unit.exceptions.size());
    uint32_t last = 0;
    for (const ExceptionRange& each : unit.exceptions) {
      columns_[kExceptionStart].number(each.start - last);
      columns_[kExceptionLength].number(each.end - each.start);
      columns_[kExceptionHandler].signed_number(int64_t{each.handler} - each.end);
      body_.number(each.exception_register);
      body_.number(each.depth);
      last = each.start;
    }
    live_ranges(unit);
    body_.number(unit.scoped_locals.size());
    for (const ScopedLocal& each : unit.scoped_locals) {
      for (uint64_t value : {uint64_t(each.name), uint64_t(each.reg), uint64_t(each.is_cell),
                             uint64_t(each.start), uint64_t(each.end)}) {
        body_.number(value);
      }
    }
    body_.number(unit.line_marks.size());
    last = 0;
    uint32_t next = 0;
    for (const LineMark& each : unit.line_marks) {
      body_.number(each.from - last);
      body_.signed_number(int64_t{each.to} - (each.from == LineMark::kEntry ? 0 : each.from));
      body_.signed_number(int64_t{each.mark} - next);
      last = each.from;
      next = each.mark + 1;
    }
    positions(unit);
    body_.number(unit.functions.size());
    for (const auto& each : unit.functions) write(*each);
  }

  Writer columns_[kColumnCount];
  Writer& body_ = columns_[kStructure];
  std::unordered_map<std::string, size_t> index_;
  std::vector<const std::string*> strings_;
  RecentStrings recent_;
  IndexCodes indexes_;
  TemporaryStack stack_{0};
  uint32_t first_line_ = 0;
};

}  // namespace

uint64_t code_format_stamp() {
  // FNV-1a over the names and shapes of all instructions.
  uint64_t hash = 0xcbf29ce484222325u ^ kCodeFormatVersion;
  auto add = [&hash](uint64_t value) { hash = (hash ^ value) * 0x100000001b3u; };
  for (int i = 0; i < kBaseOpCount; ++i) {
    const OpInfo& info = op_info(static_cast<Op>(i));
    for (const char* c = info.name; *c; ++c) add(static_cast<uint8_t>(*c));
    for (Operand kind : {info.a, info.b, info.c}) add(static_cast<uint64_t>(kind));
    add(static_cast<uint64_t>(info.length()));
  }
  return hash;
}

std::string write_code_unit(const CodeUnit& unit) { return UnitWriter().finish(unit); }

std::vector<size_t> code_unit_parts(std::string_view bytes) {
  std::vector<size_t> ends;
  size_t at = sizeof kCodeUnitMagic + sizeof(uint64_t);
  for (int i = 0; i < kColumnCount; ++i) {
    size_t size = 0;
    for (int shift = 0;; shift += 7) {
      auto next = static_cast<uint8_t>(bytes[at++]);
      size |= size_t{next & 0x7fu} << shift;
      if (next < 0x80) break;
    }
    ends.push_back(size);
  }
  for (size_t& each : ends) each = at += each;
  return ends;
}

}  // namespace mp::lang
