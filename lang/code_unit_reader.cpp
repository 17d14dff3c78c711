#include <cstring>

#include "lang/code_unit_columns.h"
#include "lang/code_unit_io.h"
#include "lang/position_guess.h"
#include "lang/position_writer.h"
#include "lang/temporaries.h"
#include "lang/verifier.h"

namespace mp::lang {

namespace {

class UnitReader {
 public:
  explicit UnitReader(std::string_view bytes) {
    structure().at = bytes.data();
    structure().end = bytes.data() + bytes.size();
  }
  bool ok = true;

  std::unique_ptr<CodeUnit> read_all() {
    char magic[sizeof kCodeUnitMagic];
    take(magic, sizeof magic);
    if (!ok || std::memcmp(magic, kCodeUnitMagic, sizeof magic) != 0 || fixed() != code_format_stamp()) {
      ok = false;
      return nullptr;
    }
    size_t sizes[kColumnCount];
    for (size_t& each : sizes) each = size();
    const char* end = structure().end;
    const char* at = structure().at;
    for (int i = 0; i < kColumnCount && ok; ++i) {
      if (sizes[i] > static_cast<size_t>(end - at)) ok = false;
      columns_[i] = {at, at + (ok ? sizes[i] : 0)};
      at = columns_[i].end;
    }
    if (!ok || at != end) return nullptr;
    while (columns_[kLengths].left() > 0 && ok) {
      size_t length = number_up_to(columns_[kText].left(), kLengths);
      if (!ok) break;
      strings_.emplace_back(columns_[kText].at, length);
      columns_[kText].at += length;
    }
    std::unique_ptr<CodeUnit> unit = read(0);
    for (const Cursor& each : columns_) ok = ok && each.left() == 0;
    return ok ? std::move(unit) : nullptr;
  }

 private:
  struct Cursor {
    const char* at = nullptr;
    const char* end = nullptr;
    size_t left() const { return static_cast<size_t>(end - at); }
  };
  Cursor& structure() { return columns_[kStructure]; }
  void take(void* to, size_t length, Column column = kStructure) {
    Cursor& c = columns_[column];
    if (!ok || length > c.left()) {
      ok = false;
      return;
    }
    std::memcpy(to, c.at, length);
    c.at += length;
  }
  uint8_t byte(Column column = kStructure) {
    Cursor& c = columns_[column];
    if (c.at == c.end) [[unlikely]] {
      ok = false;
      return 0;
    }
    return static_cast<uint8_t>(*c.at++);
  }
  uint64_t fixed(Column column = kStructure) {
    uint64_t value = 0;
    take(&value, sizeof value, column);
    return value;
  }
  // One byte is the rule.
  uint64_t number(Column column = kStructure) {
    Cursor& c = columns_[column];
    if (c.at != c.end && static_cast<uint8_t>(*c.at) < 0x80) [[likely]]
      return static_cast<uint8_t>(*c.at++);
    return long_number(column);
  }
  __attribute__((noinline)) uint64_t long_number(Column column) {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      uint8_t next = byte(column);
      value |= uint64_t(next & 0x7f) << shift;
      if (next < 0x80) return value;
    }
    ok = false;
    return 0;
  }
  uint64_t number_up_to(uint64_t limit, Column column = kStructure) {
    uint64_t value = number(column);
    if (value > limit) ok = false;
    return ok ? value : 0;
  }
  uint32_t number32(Column column = kStructure) {
    return static_cast<uint32_t>(number_up_to(UINT32_MAX, column));
  }
  uint16_t number16() { return static_cast<uint16_t>(number_up_to(UINT16_MAX)); }
  // A count of things of at least one byte each in the structure.
  size_t size() { return number_up_to(structure().left()); }
  std::string string() {
    size_t n = number(kStrings);
    if (n > recent_.size() || (n == 0 && recent_.size() == strings_.size())) ok = false;
    if (!ok) return {};
    if (n > 0) return std::string(strings_[recent_.use(n)]);
    recent_.add(static_cast<uint32_t>(recent_.size()));
    return std::string(strings_[recent_.size() - 1]);
  }
  void strings(std::vector<std::string>& list) {
    size_t count = number_up_to(columns_[kStrings].left());
    list.reserve(count);
    for (size_t i = 0; i < count && ok; ++i) list.push_back(string());
  }
  double real() {
    uint64_t bits = fixed(kConstants);
    double value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  }
  int64_t signed_number(Column column = kStructure) {
    uint64_t raw = number(column);
    return static_cast<int64_t>(raw >> 1) ^ -static_cast<int64_t>(raw & 1);
  }
  CodeConstant constant(int depth) {
    using Kind = CodeConstant::Kind;
    CodeConstant value;
    uint8_t kind = byte(kConstants);
    if (kind > static_cast<uint8_t>(Kind::FrozenSet) || depth > kMaxUnitNesting) ok = false;
    if (!ok) return value;
    value.kind = static_cast<Kind>(kind);
    switch (value.kind) {
      case Kind::Int: value.integer = signed_number(kConstants); break;
      case Kind::Complex: value.imaginary = real(); [[fallthrough]];
      case Kind::Float: value.real = real(); break;
      case Kind::BigInt:
      case Kind::String:
      case Kind::Bytes: value.text = string(); break;
      case Kind::Tuple:
      case Kind::FrozenSet: {
        size_t count = number_up_to(columns_[kConstants].left(), kConstants);
        for (size_t i = 0; i < count && ok; ++i) value.items.push_back(constant(depth + 1));
        break;
      }
      default: break;
    }
    return value;
  }

  int64_t operand(Column registers, Operand kind) {
    if (kind == Operand::None) return 0;
    Column column = operand_column(kind, registers);
    if (IndexCode* code = indexes_.of(kind)) {
      int64_t back = signed_number(column);
      if (back < INT32_MIN || back > INT32_MAX) ok = false;
      return ok ? code->decode(back) : 0;
    }
    if (names_register(kind)) return stack_.decode(number(column));
    return is_signed(kind) ? signed_number(column) : static_cast<int64_t>(number(column));
  }
  // Gives the position of the next instruction. The verifier looks at what the operands mean.
  size_t instruction(std::vector<uint64_t>& code, size_t pc) {
    Instruction i{};
    uint8_t odd = 0;
    i.op = byte(kOps);
    if (i.op == kOddInstruction) {
      odd = byte(kOddFields);
      i.op = byte(kOps);
    }
    if (i.op >= kBaseOpCount) ok = false;
    if (!ok) return pc;
    const OpInfo& info = op_info(i.opcode());
    size_t next = pc + static_cast<size_t>(info.length());
    if (next > code.size()) {
      ok = false;
      return pc;
    }
    if (odd & kOddAux) i.aux = byte(kAuxes);
    if ((odd & kOddExtraWord) && info.extra_words > 0) code[pc + 1] = number(kWords);
    if ((odd & kOddCacheWord) && info.cache_words > 0) code[pc + 1 + info.extra_words] = number(kWords);
    i.a = static_cast<uint16_t>(operand(kOperandA, info.a));
    if (has_wide_operand(info)) {
      i.set_bc(static_cast<int32_t>(operand(kOperandB, info.b)));
    } else {
      i.b = static_cast<uint16_t>(operand(kOperandB, info.b));
      i.c = static_cast<uint16_t>(operand(kOperandC, info.c));
    }
    stack_.after(TemporaryUse(i, stack_.first()));
    std::memcpy(&code[pc], &i, sizeof i);
    return next;
  }
  int32_t difference(Column column, int64_t from) {
    int64_t sum = from + signed_number(column);
    if (sum < -1 || sum > INT32_MAX / 2) ok = false;
    return ok ? static_cast<int32_t>(sum) : 0;
  }
  void positions(CodeUnit& unit) {
    PositionWriter writer(unit);
    PositionGuess guess(unit);
    auto line = static_cast<int32_t>(unit.first_line);
    uint32_t pc = 0;
    for (size_t count = number_up_to(columns_[kPositionLength].left()); count > 0 && ok; --count) {
      uint32_t start = pc;
      for (uint64_t n = number(kPositionLength); n > 0 && ok; --n) {
        if (pc >= unit.code.size()) ok = false;
        if (ok) pc += static_cast<uint32_t>(op_info(unit.instruction(pc).opcode()).length());
      }
      if (start == pc) ok = false;
      CodePosition position;
      int64_t delta = signed_number(kPositionLine);
      uint32_t span = number32(kPositionSpan);
      if (ok && span > 0) {
        if (delta < INT32_MIN / 2 || delta > INT32_MAX / 2 || span > INT32_MAX / 4) ok = false;
        if (!ok) return;
        guess.begin(start, pc);
        line += static_cast<int32_t>(delta);
        if (line < 1 || line > INT32_MAX / 2) ok = false;
        position.line = line;
        position.end_line = line + static_cast<int32_t>(span) - 1;
        int32_t column = guess.column();
        position.column = column == PositionGuess::kUnknown ? difference(kPositionColumn, 0)
                                                            : difference(kPositionColumnGuessed, column);
        int32_t end = guess.end_column(position.column);
        position.end_column = span > 1                         ? difference(kPositionEnd, 0)
                              : end == PositionGuess::kUnknown ? difference(kPositionEnd, position.column)
                                                               : difference(kPositionEndGuessed, end);
        guess.learn(position);
      }
      if (ok) writer.add(pc - start, position);
    }
  }

  void live_ranges(CodeUnit& unit) {
    LiveGuess guess(unit);
    uint64_t right = number(kLiveLength);
    for (uint32_t pc = 0; pc < unit.code.size() && ok;) {
      int64_t live = guess.at(pc);
      if (right > 0) {
        --right;
      } else {
        live += signed_number(kLive);
        right = number(kLiveLength);
      }
      if (live < 0 || live > UINT16_MAX) ok = false;
      if (!ok) return;
      if (unit.live_ranges.empty() || unit.live_ranges.back().live != live)
        unit.live_ranges.push_back({pc, static_cast<uint32_t>(live)});
      pc += guess.length(pc);
    }
    if (right != 0) ok = false;
  }

  std::unique_ptr<CodeUnit> read(int depth) {
    if (depth > kMaxUnitNesting) ok = false;
    if (!ok) return nullptr;
    auto unit = std::make_unique<CodeUnit>();
    unit->name = string();
    unit->qualified_name = string();
    std::string file = string();
    if (!filename_ || *filename_ != file) filename_ = std::make_shared<const std::string>(std::move(file));
    unit->filename = filename_;
    unit->flags = number32();
    unit->argument_count = number16();
    unit->positional_only_count = number16();
    unit->keyword_only_count = number16();
    unit->register_count = number16();
    unit->first_line = static_cast<uint32_t>(difference(kFirstLine, first_line_));
    first_line_ = unit->first_line;
    strings(unit->local_names);
    strings(unit->cell_names);
    strings(unit->free_names);
    strings(unit->names);
    if (unit->local_names.size() + unit->cell_names.size() + unit->free_names.size() > 65535) ok = false;
    unit->local_count = static_cast<uint16_t>(unit->local_names.size());
    unit->cell_count = static_cast<uint16_t>(unit->cell_names.size());
    unit->free_count = static_cast<uint16_t>(unit->free_names.size());
    size_t words = number_up_to(columns_[kOps].left() * kMaxWordsPerInstruction);
    unit->code.resize(words);
    indexes_ = {};
    stack_ = TemporaryStack(unit->first_temporary());
    for (size_t pc = 0; pc < words && ok;) pc = instruction(unit->code, pc);
    size_t count = number_up_to(columns_[kConstants].left());
    unit->constants.reserve(count);
    for (size_t i = 0; i < count && ok; ++i) unit->constants.push_back(constant(0));
    count = number_up_to(columns_[kExceptionStart].left());
    uint32_t last = 0;
    for (size_t i = 0; i < count && ok; ++i) {
      ExceptionRange range;
      last += number32(kExceptionStart);
      range.start = last;
      range.end = last + number32(kExceptionLength);
      range.handler = static_cast<uint32_t>(difference(kExceptionHandler, range.end));
      range.exception_register = number16();
      range.depth = number16();
      unit->exceptions.push_back(range);
    }
    live_ranges(*unit);
    count = size();
    for (size_t i = 0; i < count && ok; ++i) {
      ScopedLocal local;
      local.name = number32();
      local.reg = number16();
      local.is_cell = number() != 0;
      local.start = number32();
      local.end = number32();
      unit->scoped_locals.push_back(local);
    }
    count = size();
    last = 0;
    int64_t next = 0;
    for (size_t i = 0; i < count && ok; ++i) {
      LineMark mark;
      mark.from = last + number32();
      mark.to = static_cast<uint32_t>(
          difference(kStructure, mark.from == LineMark::kEntry ? 0 : int64_t{mark.from}));
      mark.mark = static_cast<uint32_t>(difference(kStructure, next));
      last = mark.from;
      next = int64_t{mark.mark} + 1;
      unit->line_marks.push_back(mark);
    }
    positions(*unit);
    count = size();
    for (size_t i = 0; i < count && ok; ++i) unit->functions.push_back(read(depth + 1));
    return ok ? std::move(unit) : nullptr;
  }

  Cursor columns_[kColumnCount];
  std::vector<std::string_view> strings_;
  RecentStrings recent_;
  IndexCodes indexes_;
  TemporaryStack stack_{0};
  uint32_t first_line_ = 0;
  std::shared_ptr<const std::string> filename_;
};

void note_frozen(CodeUnit& unit) {
  unit.frozen = true;
  for (const auto& function : unit.functions) note_frozen(*function);
}

}  // namespace

std::unique_ptr<CodeUnit> read_code_unit(std::string_view bytes, std::string* error, Origin origin) {
  UnitReader reader(bytes);
  std::unique_ptr<CodeUnit> unit = reader.read_all();
  if (!unit) {
    if (error != nullptr) *error = "not a code unit of this version";
    return nullptr;
  }
  if (origin == Origin::OwnBinary) {
    note_frozen(*unit);
    return unit;
  }
  std::string problem = verify(*unit);
  if (!problem.empty()) {
    if (error != nullptr) *error = problem;
    return nullptr;
  }
  return unit;
}

}  // namespace mp::lang
