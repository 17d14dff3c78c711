#include "lang/verifier.h"

#include <fmt/format.h>

namespace mp::lang {

namespace {

class Verifier {
 public:
  explicit Verifier(const CodeUnit& unit) : unit_(unit) {}

  std::string run() {
    check_header();
    if (error_.empty()) check_code();
    if (error_.empty()) check_tables();
    return error_.empty() ? error_ : fmt::format("{}: {}", unit_.qualified_name, error_);
  }

 private:
  template <typename... Args>
  void fail(fmt::format_string<Args...> text, Args&&... args) {
    if (error_.empty()) error_ = fmt::format(text, std::forward<Args>(args)...);
  }

  void check_header() {
    if (!unit_.filename) fail("no filename");
    if (unit_.register_count > 65535) fail("too many registers");
    if (unit_.first_temporary() > unit_.register_count) fail("fewer registers than variables");
    if (unit_.local_names.size() != unit_.local_count) fail("local names do not match");
    if (unit_.cell_names.size() != unit_.cell_count) fail("cell names do not match");
    if (unit_.free_names.size() != unit_.free_count) fail("free names do not match");
    uint32_t parameters = uint32_t(unit_.argument_count) + unit_.keyword_only_count +
                          ((unit_.flags & kCodeVarArgs) != 0) + ((unit_.flags & kCodeVarKeywords) != 0);
    if (parameters > unit_.local_count) fail("more parameters than locals");
    if (unit_.positional_only_count > unit_.argument_count) fail("positional-only parameters");
    if ((unit_.flags & kCodeHasDocstring) && unit_.constants.empty()) fail("no docstring");
    if (unit_.code.empty()) fail("no code");
    if (unit_.code.size() > INT32_MAX) fail("too much code");
    if (unit_.functions.size() > 65536) fail("too many functions");
    for (const CodeConstant& constant : unit_.constants) check_constant(constant, 0);
  }

  void check_constant(const CodeConstant& constant, int depth) {
    if (depth > 200) return fail("constant nested too deep");
    if (constant.kind > CodeConstant::Kind::FrozenSet) return fail("unknown kind of constant");
    if (constant.kind == CodeConstant::Kind::BigInt) {
      size_t digits = constant.text.starts_with("-") ? 1 : 0;
      if (constant.text.size() == digits) fail("big int without digits");
      for (size_t i = digits; i < constant.text.size(); ++i) {
        if (!isxdigit(static_cast<unsigned char>(constant.text[i]))) fail("big int with a wrong digit");
      }
    }
    for (const CodeConstant& item : constant.items) check_constant(item, depth + 1);
  }

  void check_registers(uint32_t pc, uint32_t first, uint32_t count) {
    if (first + count > unit_.register_count)
      fail("pc {}: register {} of {}", pc, first + count, unit_.register_count);
  }

  void check_operand(uint32_t pc, const Instruction& i, Operand kind, uint16_t value) {
    switch (kind) {
      case Operand::None:
      case Operand::I16:
      case Operand::I32:
      case Operand::J16:
      case Operand::J32:
      case Operand::CNT: break;
      case Operand::W:
      case Operand::R:
      case Operand::M: check_registers(pc, value, 1); break;
      case Operand::W2:
      case Operand::R2: check_registers(pc, value, 2); break;
      case Operand::R3: check_registers(pc, value, 3); break;
      case Operand::WC:
      case Operand::RC: check_registers(pc, value, i.c); break;
      case Operand::RS:
        if (i.c != 2 && i.c != 3) fail("pc {}: slice of {}", pc, i.c);
        check_registers(pc, value, i.c);
        break;
      case Operand::WX: check_registers(pc, value, uint32_t(i.c) + 1 + i.aux); break;
      case Operand::RP: check_registers(pc, value, 2u * i.c); break;
      case Operand::RK: check_registers(pc, value, 2u + i.c); break;
      case Operand::RF:
        check_registers(pc, value, static_cast<uint32_t>(__builtin_popcount(i.aux & 15)));
        break;
      case Operand::N16:
        if (value >= unit_.names.size()) fail("pc {}: name {}", pc, value);
        break;
      case Operand::F16:
        if (value >= unit_.functions.size()) fail("pc {}: function {}", pc, value);
        break;
      case Operand::N32:
        if (static_cast<uint32_t>(i.bc()) >= unit_.names.size()) fail("pc {}: name {}", pc, i.bc());
        break;
      case Operand::K32:
        if (static_cast<uint32_t>(i.bc()) >= unit_.constants.size()) fail("pc {}: constant {}", pc, i.bc());
        break;
      case Operand::CNT32:
        if (i.bc() < 0 || i.bc() > 65535) fail("pc {}: count {}", pc, i.bc());
        break;
    }
  }

  void check_special(uint32_t pc, const Instruction& i) {
    switch (i.opcode()) {
      case Op::COPY_FREE:
        if (i.a != unit_.first_free() || i.bc() != unit_.free_count) fail("pc {}: COPY_FREE", pc);
        break;
      case Op::INTRINSIC:
        if (i.aux >= kIntrinsicCount || intrinsic_argument_count(static_cast<Intrinsic>(i.aux)) != i.c) {
          fail("pc {}: intrinsic {}", pc, i.aux);
        }
        break;
      case Op::CALL_KW:
      case Op::CALL_METHOD_KW: {
        uint64_t index = unit_.code[pc + 1];
        if (index >= unit_.constants.size() || unit_.constants[index].kind != CodeConstant::Kind::Tuple ||
            unit_.constants[index].items.size() > i.c) {
          fail("pc {}: keyword names", pc);
          break;
        }
        for (const CodeConstant& name : unit_.constants[index].items) {
          if (name.kind != CodeConstant::Kind::String) fail("pc {}: keyword name", pc);
        }
        break;
      }
      case Op::RETURN_GENERATOR:
        if (!(unit_.flags & (kCodeGenerator | kCodeCoroutine | kCodeAsyncGenerator)))
          fail("pc {}: no generator", pc);
        ++generators_;
        break;
      case Op::YIELD:
      case Op::YIELD_FROM:
      case Op::AWAIT:
        if (!(unit_.flags & (kCodeGenerator | kCodeCoroutine | kCodeAsyncGenerator)))
          fail("pc {}: no generator", pc);
        break;
      case Op::MAKE_FUNCTION:
        if (i.aux > 15) fail("pc {}: MAKE_FUNCTION flags", pc);
        break;
      case Op::FOR_ITER_FAR:
        // It may skip the one word behind it.
        targets_.push_back({pc, pc + 3});
        break;
      default: break;
    }
  }

  void check_code() {
    uint32_t size = static_cast<uint32_t>(unit_.code.size());
    starts_.assign(size + 1, false);
    bool ends = false;
    for (uint32_t pc = 0; pc < size && error_.empty();) {
      Instruction i = unit_.instruction(pc);
      if (i.op >= kBaseOpCount) return fail("pc {}: opcode {}", pc, i.op);
      const OpInfo& info = op_info(i.opcode());
      uint32_t next = pc + static_cast<uint32_t>(info.length());
      if (next > size) return fail("pc {}: cut off", pc);
      starts_[pc] = true;
      check_operand(pc, i, info.a, i.a);
      check_operand(pc, i, info.b, i.b);
      if (info.c != Operand::None) check_operand(pc, i, info.c, i.c);
      if (error_.empty()) check_special(pc, i);
      if (info.cache_words && unit_.code[next - 1] != 0) return fail("pc {}: cache word", pc);
      if (info.b == Operand::J32 || info.c == Operand::J16) {
        int64_t target = int64_t(next) + (info.b == Operand::J32 ? i.bc() : i.sc());
        if (target < 0 || target >= size) return fail("pc {}: jump to {}", pc, target);
        bool backward = info.site == SwitchSite::Back;
        // Only these poll the interrupt word; a loop closed by others could not be stopped. A plain JUMP goes
        // back from code that was placed out of line.
        if (backward && target > pc) return fail("pc {}: not backward", pc);
        targets_.push_back({pc, static_cast<uint32_t>(target)});
      }
      ends = (info.effects & kEnds) != 0;
      pc = next;
    }
    if (!error_.empty()) return;
    if (!ends) return fail("runs off the end");
    for (auto [from, to] : targets_) {
      if (to >= size || !starts_[to]) return fail("pc {}: jump into an instruction at {}", from, to);
    }
    bool generator = (unit_.flags & (kCodeGenerator | kCodeCoroutine | kCodeAsyncGenerator)) != 0;
    if (generators_ != (generator ? 1 : 0)) fail("RETURN_GENERATOR {} times", generators_);
  }

  void check_tables() {
    uint32_t size = static_cast<uint32_t>(unit_.code.size());
    uint32_t last = 0;
    for (const ExceptionRange& range : unit_.exceptions) {
      if (range.start < last || range.end <= range.start || range.end > size)
        return fail("exception range at {}", range.start);
      if (!starts_[range.start] || range.handler >= size || !starts_[range.handler])
        return fail("handler of {}", range.start);
      if (range.exception_register >= unit_.register_count)
        return fail("exception register of {}", range.start);
      last = range.end;
    }
    uint32_t previous = 0;
    for (size_t k = 0; k < unit_.live_ranges.size(); ++k) {
      const LiveRange& range = unit_.live_ranges[k];
      if ((k > 0 && range.start <= previous) || range.start >= size)
        return fail("live range at {}", range.start);
      if (range.live > unit_.register_count || range.live < unit_.first_temporary())
        return fail("live range at {}", range.start);
      previous = range.start;
    }
    for (const ScopedLocal& local : unit_.scoped_locals) {
      if (local.name >= unit_.names.size() || local.reg >= unit_.register_count || local.start > local.end ||
          local.end > size) {
        return fail("scoped local {}", local.name);
      }
    }
    for (const LineMark& each : unit_.line_marks) {
      bool from = each.from == LineMark::kEntry || (each.from < size && starts_[each.from]);
      if (!from || each.to >= size || !starts_[each.to] || each.mark >= size || !starts_[each.mark])
        return fail("line mark at {}", each.from);
    }
    PositionReader reader(unit_);
    uint32_t covered = 0;
    while (reader.next()) {
      if (reader.end() <= covered && reader.start() != reader.end()) return fail("positions");
      covered = reader.end();
      if (reader.position().line < 0 || reader.position().end_line < reader.position().line)
        return fail("position of {}", covered);
    }
    for (const auto& function : unit_.functions) {
      if (!function) return fail("no function");
      std::string inner = verify(*function);
      if (!inner.empty()) {
        error_ = inner;
        return;
      }
    }
  }

  const CodeUnit& unit_;
  std::string error_;
  std::vector<bool> starts_;
  std::vector<std::pair<uint32_t, uint32_t>> targets_;
  int generators_ = 0;
};

}  // namespace

std::string verify(const CodeUnit& unit) { return Verifier(unit).run(); }

}  // namespace mp::lang
