#include "lang/liveness.h"

#include <vector>

#include "lang/operands.h"

namespace mp::lang {

namespace {

constexpr size_t kMaxSteps = 600;

struct Effect {
  uint64_t reads = 0, writes = 0;
};

class Walk {
 public:
  explicit Walk(const CodeUnit& unit) : unit_(unit), first_(unit.first_temporary()) {}

  uint64_t from(uint32_t pc, Progress progress) {
    uint32_t count = unit_.register_count - first_;
    uint64_t all = count >= kTrackedTemporaries ? ~uint64_t{0} : (uint64_t{1} << count) - 1;
    Instruction i = unit_.instruction(pc);
    Effect effect = effect_of(i);
    if (progress == Progress::Unknown) {
      live_ |= effect.reads;
      effect.writes = 0;  // the result may be there already
    }
    leave(pc, i, effect, all & ~live_);
    for (size_t steps = 0; !waiting_.empty(); ++steps) {
      Place place = waiting_.back();
      waiting_.pop_back();
      place.undecided &= ~live_;
      if (place.undecided == 0) continue;
      if (steps == kMaxSteps || place.pc >= unit_.code.size()) return all;
      visit(place);
    }
    return live_;
  }

 private:
  struct Place {
    uint32_t pc;
    uint64_t undecided;
  };

  uint64_t bits(uint32_t first, int count) const {
    uint64_t mask = 0;
    for (uint32_t reg = first; count > 0; ++reg, --count)
      if (reg >= first_ && reg - first_ < kTrackedTemporaries) mask |= uint64_t{1} << (reg - first_);
    return mask;
  }

  Effect effect_of(const Instruction& i) const {
    const OpInfo& info = op_info(i.opcode());
    Effect effect;
    const Operand kinds[] = {info.a, info.b, info.c};
    const uint16_t first[] = {i.a, i.b, i.c};
    for (int k = 0; k < 3; ++k) {
      effect.reads |= bits(first[k], read_count(kinds[k], i));
      effect.writes |= bits(first[k], write_count(kinds[k], i));
    }
    // The self slot of these is scratch.
    if (i.opcode() == Op::CALL || i.opcode() == Op::CALL_KW) {
      effect.reads = bits(i.b, 1) | bits(uint32_t{i.b} + 2, i.c);
    }
    return effect;
  }

  void visit(const Place& place) {
    for (Seen& seen : seen_) {
      if (seen.pc != place.pc) continue;
      if ((place.undecided & ~seen.decided) == 0) return;
      seen.decided |= place.undecided;
      return step(place);
    }
    seen_.push_back({place.pc, place.undecided});
    step(place);
  }

  void step(const Place& place) {
    Instruction i = unit_.instruction(place.pc);
    Effect effect = effect_of(i);
    live_ |= effect.reads & place.undecided;
    leave(place.pc, i, effect, place.undecided & ~effect.reads);
  }

  // The ways on from an instruction. An exception leaves its results unwritten.
  void leave(uint32_t pc, const Instruction& i, const Effect& effect, uint64_t undecided) {
    const OpInfo& info = op_info(i.opcode());
    if (const ExceptionRange* range = unit_.handler_at(pc))
      go(range->handler, undecided & ~bits(range->exception_register, 1));
    uint32_t next = pc + static_cast<uint32_t>(info.length());
    uint64_t written = undecided & ~effect.writes;
    // Of the loops' two ways one comes without an item.
    bool item_on_jump = i.opcode() == Op::FOR_LOOP, item_on_fall = i.opcode() == Op::FOR_ITER;
    if (info.b == Operand::J32) go(next + static_cast<uint32_t>(i.bc()), written);
    if (info.c == Operand::J16) go(next + static_cast<uint32_t>(i.sc()), item_on_fall ? undecided : written);
    if (i.opcode() == Op::FOR_ITER_FAR) {
      go(next, undecided);
      go(next + 1, written);
    } else if ((info.effects & kEnds) == 0) {
      go(next, item_on_jump ? undecided : written);
    }
  }

  void go(uint32_t pc, uint64_t undecided) {
    if (undecided != 0) waiting_.push_back({pc, undecided});
  }

  struct Seen {
    uint32_t pc;
    uint64_t decided;
  };
  const CodeUnit& unit_;
  uint32_t first_;
  uint64_t live_ = 0;
  std::vector<Place> waiting_;
  std::vector<Seen> seen_;
};

}  // namespace

uint64_t live_temporaries(const CodeUnit& unit, uint32_t pc, Progress progress) {
  if (unit.register_count == unit.first_temporary()) return 0;
  uint64_t live = Walk(unit).from(pc, progress);
  // Variables of inlined comprehensions are read by locals() too.
  for (const ScopedLocal& local : unit.scoped_locals)
    if (pc >= local.start && pc < local.end && local.reg >= unit.first_temporary() &&
        local.reg - unit.first_temporary() < kTrackedTemporaries)
      live |= uint64_t{1} << (local.reg - unit.first_temporary());
  return live;
}

}  // namespace mp::lang
