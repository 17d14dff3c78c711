#include "lang/code_unit_io.h"

#include <cstring>
#include <unordered_map>

#include "lang/verifier.h"

// The layout: magic, stamp, the sizes of the columns, the columns. What is alike stands together (all
// opcodes, all first operands, ...): that is what makes it small once compressed (stdlib/freeze). Numbers are
// varints; signed ones zigzag. An instruction is its opcode, a mask of the fields that are not zero, and
// those fields.
namespace mp::lang {

namespace {

constexpr char kMagic[] = {'M', 'P', 'C', '1'};
constexpr size_t kMaxWordsPerInstruction = 3;
constexpr int kMaxNesting = 3000;  // kMaxAstDepth: lambdas in lambdas
enum Column {
  kStructure,  // whatever has no column of its own, in the order of the units; each unit has its functions
               // inside
  kText,       // the strings, in the order of their first use
  kStrings,    // uses of them: 0 a new one, n the one n before the next new one
  kOps,
  kMasks,
  kAuxes,
  kOperandA,
  kOperandB,
  kOperandC,
  kWords,  // operand words and cache words
  kLiveStart,
  kLive,
  kPositionLength,  // the fields of a position entry, see PositionReader
  kPositionLine,
  kPositionSpan,
  kPositionColumn,
  kPositionEnd,
  kColumnCount
};
enum FieldMask : uint8_t {
  kAux = 1,
  kFieldA = 2,
  kFieldB = 4,
  kFieldC = 8,
  kExtraWord = 16,
  kCacheWord = 32
};

// b and c are one 32-bit operand.
bool has_wide_operand(const OpInfo& info) {
  return info.b == Operand::I32 || info.b == Operand::J32 || info.b == Operand::N32 ||
         info.b == Operand::K32 || info.b == Operand::CNT32;
}
bool is_signed(Operand kind) {
  return kind == Operand::I16 || kind == Operand::J16 || kind == Operand::I32 || kind == Operand::J32;
}

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
    out.bytes.append(kMagic, sizeof kMagic);
    out.fixed(code_format_stamp());
    Writer table;
    table.number(strings_.size());
    for (const std::string* each : strings_) {
      table.number(each->size());
      columns_[kText].bytes += *each;
    }
    body_.bytes.insert(0, table.bytes);
    for (const Writer& each : columns_) out.number(each.bytes.size());
    for (const Writer& each : columns_) out.bytes += each.bytes;
    return std::move(out.bytes);
  }

 private:
  void string(const std::string& value) {
    auto [it, fresh] = index_.emplace(value, strings_.size());
    columns_[kStrings].number(fresh ? 0 : strings_.size() - it->second);
    if (fresh) strings_.push_back(&it->first);
  }
  void strings(const std::vector<std::string>& list) {
    body_.number(list.size());
    for (const std::string& each : list) string(each);
  }
  void real(double value) {
    uint64_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    body_.fixed(bits);
  }
  void constant(const CodeConstant& value) {
    using Kind = CodeConstant::Kind;
    body_.byte(static_cast<uint8_t>(value.kind));
    switch (value.kind) {
      case Kind::Int: body_.signed_number(value.integer); break;
      case Kind::Complex: real(value.imaginary); [[fallthrough]];
      case Kind::Float: real(value.real); break;
      case Kind::BigInt:
      case Kind::String:
      case Kind::Bytes: string(value.text); break;
      case Kind::Tuple:
      case Kind::FrozenSet:
        body_.number(value.items.size());
        for (const CodeConstant& item : value.items) constant(item);
        break;
      default: break;
    }
  }
  void operand(Column column, Operand kind, uint16_t value) {
    if (is_signed(kind))
      columns_[column].signed_number(static_cast<int16_t>(value));
    else
      columns_[column].number(value);
  }
  // Gives the position of the next instruction.
  uint32_t instruction(const CodeUnit& unit, uint32_t pc) {
    Instruction i = unit.instruction(pc);
    const OpInfo& info = op_info(i.opcode());
    bool wide = has_wide_operand(info);
    uint64_t extra = info.extra_words > 0 ? unit.code[pc + 1] : 0;
    uint64_t cache = info.cache_words > 0 ? unit.code[pc + 1 + info.extra_words] : 0;
    columns_[kOps].byte(i.op);
    columns_[kMasks].byte(static_cast<uint8_t>(
        (i.aux != 0 ? kAux : 0) | (i.a != 0 ? kFieldA : 0) | ((wide ? i.bc() != 0 : i.b != 0) ? kFieldB : 0) |
        (!wide && i.c != 0 ? kFieldC : 0) | (extra != 0 ? kExtraWord : 0) | (cache != 0 ? kCacheWord : 0)));
    if (i.aux != 0) columns_[kAuxes].byte(i.aux);
    if (i.a != 0) operand(kOperandA, info.a, i.a);
    if (wide && i.bc() != 0) {
      if (is_signed(info.b))
        columns_[kOperandB].signed_number(i.bc());
      else
        columns_[kOperandB].number(static_cast<uint32_t>(i.bc()));
    }
    if (!wide && i.b != 0) operand(kOperandB, info.b, i.b);
    if (!wide && i.c != 0) operand(kOperandC, info.c, i.c);
    if (extra != 0) columns_[kWords].number(extra);
    if (cache != 0) columns_[kWords].number(cache);
    return pc + static_cast<uint32_t>(info.length());
  }
  // Deals one entry out to its columns; gives the place of the next one.
  size_t position(const std::vector<uint8_t>& bytes, size_t at) {
    auto field = [&](Column column) {
      size_t begin = at;
      while (at < bytes.size() && bytes[at++] >= 0x80) {
      }
      columns_[column].bytes.append(reinterpret_cast<const char*>(bytes.data() + begin), at - begin);
      return bytes[begin];
    };
    field(kPositionLength);
    field(kPositionLine);
    if (field(kPositionSpan) == 0) return at;
    field(kPositionColumn);
    field(kPositionEnd);
    return at;
  }
  void write(const CodeUnit& unit) {
    string(unit.name);
    string(unit.qualified_name);
    string(*unit.filename);
    for (uint64_t each : {uint64_t(unit.flags), uint64_t(unit.first_line), uint64_t(unit.argument_count),
                          uint64_t(unit.positional_only_count), uint64_t(unit.keyword_only_count),
                          uint64_t(unit.register_count)}) {
      body_.number(each);
    }
    strings(unit.local_names);
    strings(unit.cell_names);
    strings(unit.free_names);
    strings(unit.names);
    body_.number(unit.code.size());
    for (uint32_t pc = 0; pc < unit.code.size();) pc = instruction(unit, pc);
    body_.number(unit.constants.size());
    for (const CodeConstant& each : unit.constants) constant(each);
    body_.number(unit.exceptions.size());
    for (const ExceptionRange& each : unit.exceptions) {
      for (uint64_t value : {uint64_t(each.start), uint64_t(each.end), uint64_t(each.handler),
                             uint64_t(each.exception_register), uint64_t(each.depth)}) {
        body_.number(value);
      }
    }
    body_.number(unit.live_ranges.size());
    uint32_t last = 0;
    for (const LiveRange& each : unit.live_ranges) {
      columns_[kLiveStart].number(each.start - last);
      columns_[kLive].number(each.live);
      last = each.start;
    }
    body_.number(unit.scoped_locals.size());
    for (const ScopedLocal& each : unit.scoped_locals) {
      for (uint64_t value : {uint64_t(each.name), uint64_t(each.reg), uint64_t(each.is_cell),
                             uint64_t(each.start), uint64_t(each.end)}) {
        body_.number(value);
      }
    }
    body_.number(unit.line_marks.size());
    last = 0;
    for (const LineMark& each : unit.line_marks) {
      body_.number(each.from - last);
      body_.number(each.to);
      body_.number(each.mark);
      last = each.from;
    }
    body_.number(unit.positions.size());
    for (size_t at = 0; at < unit.positions.size();) at = position(unit.positions, at);
    body_.number(unit.functions.size());
    for (const auto& each : unit.functions) write(*each);
  }

  Writer columns_[kColumnCount];
  Writer& body_ = columns_[kStructure];
  std::unordered_map<std::string, size_t> index_;
  std::vector<const std::string*> strings_;
};

class UnitReader {
 public:
  explicit UnitReader(std::string_view bytes) {
    structure().at = bytes.data();
    structure().end = bytes.data() + bytes.size();
  }
  bool ok = true;

  std::unique_ptr<CodeUnit> read_all() {
    char magic[sizeof kMagic];
    take(magic, sizeof magic);
    if (!ok || std::memcmp(magic, kMagic, sizeof kMagic) != 0 || fixed() != code_format_stamp()) {
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
    size_t count = size();
    strings_.reserve(ok ? count : 0);
    for (size_t i = 0; i < count && ok; ++i) {
      size_t length = number_up_to(columns_[kText].left());
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
  void take(void* to, size_t length) {
    Cursor& c = structure();
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
  uint64_t fixed() {
    uint64_t value = 0;
    take(&value, sizeof value);
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
    size_t back = number(kStrings);
    if (back > used_strings_ || (back == 0 && used_strings_ == strings_.size())) ok = false;
    if (!ok) return {};
    return std::string(strings_[back == 0 ? used_strings_++ : used_strings_ - back]);
  }
  void strings(std::vector<std::string>& list) {
    size_t count = number_up_to(columns_[kStrings].left());
    list.reserve(count);
    for (size_t i = 0; i < count && ok; ++i) list.push_back(string());
  }
  double real() {
    uint64_t bits = fixed();
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
    uint8_t kind = byte();
    if (kind > static_cast<uint8_t>(Kind::FrozenSet) || depth > kMaxNesting) ok = false;
    if (!ok) return value;
    value.kind = static_cast<Kind>(kind);
    switch (value.kind) {
      case Kind::Int: value.integer = signed_number(); break;
      case Kind::Complex: value.imaginary = real(); [[fallthrough]];
      case Kind::Float: value.real = real(); break;
      case Kind::BigInt:
      case Kind::String:
      case Kind::Bytes: value.text = string(); break;
      case Kind::Tuple:
      case Kind::FrozenSet: {
        size_t count = size();
        for (size_t i = 0; i < count && ok; ++i) value.items.push_back(constant(depth + 1));
        break;
      }
      default: break;
    }
    return value;
  }

  uint16_t operand(Column column, Operand kind) {
    return is_signed(kind) ? static_cast<uint16_t>(signed_number(column))
                           : static_cast<uint16_t>(number(column));
  }
  // Gives the position of the next instruction. The verifier looks at what the operands mean.
  size_t instruction(std::vector<uint64_t>& code, size_t pc) {
    Instruction i{};
    i.op = byte(kOps);
    uint8_t mask = byte(kMasks);
    if (i.op >= kBaseOpCount) ok = false;
    if (!ok) return pc;
    const OpInfo& info = op_info(i.opcode());
    size_t next = pc + static_cast<size_t>(info.length());
    if (next > code.size()) {
      ok = false;
      return pc;
    }
    bool wide = has_wide_operand(info);
    if (mask & kAux) i.aux = byte(kAuxes);
    if (mask & kFieldA) i.a = operand(kOperandA, info.a);
    if ((mask & kFieldB) && wide)
      i.set_bc(static_cast<int32_t>(is_signed(info.b) ? signed_number(kOperandB) : number(kOperandB)));
    if ((mask & kFieldB) && !wide) i.b = operand(kOperandB, info.b);
    if (mask & kFieldC) i.c = operand(kOperandC, info.c);
    std::memcpy(&code[pc], &i, sizeof i);
    if ((mask & kExtraWord) && info.extra_words > 0) code[pc + 1] = number(kWords);
    if ((mask & kCacheWord) && info.cache_words > 0) code[pc + 1 + info.extra_words] = number(kWords);
    return next;
  }
  // Puts one field of a position entry behind *to; its first byte.
  uint8_t position_field(Column column, uint8_t*& to, const uint8_t* end) {
    uint8_t first = 0;
    for (uint8_t* begin = to;;) {
      uint8_t next = byte(column);
      if (to == end) ok = false;
      if (!ok) return 0;
      if (to == begin) first = next;
      *to++ = next;
      if (next < 0x80) return first;
    }
  }
  size_t position_bytes() const {
    size_t sum = 0;
    for (int i = kPositionLength; i <= kPositionEnd; ++i) sum += columns_[i].left();
    return sum;
  }
  void positions(std::vector<uint8_t>& bytes) {
    uint8_t* to = bytes.data();
    const uint8_t* end = to + bytes.size();
    while (to != end && ok) {
      position_field(kPositionLength, to, end);
      position_field(kPositionLine, to, end);
      if (position_field(kPositionSpan, to, end) == 0) continue;
      position_field(kPositionColumn, to, end);
      position_field(kPositionEnd, to, end);
    }
  }

  std::unique_ptr<CodeUnit> read(int depth) {
    if (depth > kMaxNesting) ok = false;
    if (!ok) return nullptr;
    auto unit = std::make_unique<CodeUnit>();
    unit->name = string();
    unit->qualified_name = string();
    std::string file = string();
    if (!filename_ || *filename_ != file) filename_ = std::make_shared<const std::string>(std::move(file));
    unit->filename = filename_;
    unit->flags = number32();
    unit->first_line = number32();
    unit->argument_count = number16();
    unit->positional_only_count = number16();
    unit->keyword_only_count = number16();
    unit->register_count = number32();
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
    for (size_t pc = 0; pc < words && ok;) pc = instruction(unit->code, pc);
    size_t count = size();
    unit->constants.reserve(count);
    for (size_t i = 0; i < count && ok; ++i) unit->constants.push_back(constant(0));
    count = size();
    for (size_t i = 0; i < count && ok; ++i) {
      ExceptionRange range;
      range.start = number32();
      range.end = number32();
      range.handler = number32();
      range.exception_register = number16();
      range.depth = number16();
      unit->exceptions.push_back(range);
    }
    count = number_up_to(columns_[kLiveStart].left());
    unit->live_ranges.reserve(count);
    uint32_t last = 0;
    for (size_t i = 0; i < count && ok; ++i) {
      last += number32(kLiveStart);
      unit->live_ranges.push_back({last, number32(kLive)});
    }
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
    for (size_t i = 0; i < count && ok; ++i) {
      LineMark mark;
      mark.from = last + number32();
      mark.to = number32();
      mark.mark = number32();
      last = mark.from;
      unit->line_marks.push_back(mark);
    }
    count = number_up_to(position_bytes());
    unit->positions.resize(count);
    positions(unit->positions);
    count = size();
    for (size_t i = 0; i < count && ok; ++i) unit->functions.push_back(read(depth + 1));
    return ok ? std::move(unit) : nullptr;
  }

  Cursor columns_[kColumnCount];
  std::vector<std::string_view> strings_;
  size_t used_strings_ = 0;
  std::shared_ptr<const std::string> filename_;
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
  size_t at = sizeof kMagic + sizeof(uint64_t);
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

std::unique_ptr<CodeUnit> read_code_unit(std::string_view bytes, std::string* error, Origin origin) {
  UnitReader reader(bytes);
  std::unique_ptr<CodeUnit> unit = reader.read_all();
  if (!unit) {
    if (error != nullptr) *error = "not a code unit of this version";
    return nullptr;
  }
  if (origin == Origin::OwnBinary) return unit;
  std::string problem = verify(*unit);
  if (!problem.empty()) {
    if (error != nullptr) *error = problem;
    return nullptr;
  }
  return unit;
}

}  // namespace mp::lang
