#include "lang/line_marks.h"

#include <algorithm>

namespace mp::lang {

Emitter::LineMarks::LineMarks(Emitter& emitter, const Source& source, const std::vector<uint32_t>& order,
                              std::vector<uint8_t>& size)
    : emitter_(emitter), source_(source), order_(order), size_(size), rank_(order.size()) {
  for (uint32_t k = 0; k < order.size(); ++k) rank_[order[k]] = k;
}

uint32_t Emitter::LineMarks::next(uint32_t item) const {
  return rank_[item] + 1 < order_.size() ? order_[rank_[item] + 1] : count();
}

uint32_t Emitter::LineMarks::behind(uint32_t item) const {
  uint32_t following = next(item);
  // A jump that a condition took in is on its other way.
  return following < count() && emitter_.items_[following].taken_in ? next(following) : following;
}

uint32_t Emitter::LineMarks::step(uint32_t item) const {
  const Item& at = emitter_.items_[item];
  return at.target == kNoLabel ? next(item) : static_cast<uint32_t>(at.way);
}

uint32_t Emitter::LineMarks::real(uint32_t item) const {
  while (item < count() && size_[item] == 0) item = step(item);
  return item;
}

uint32_t Emitter::LineMarks::line(uint32_t item) const {
  const Item& at = emitter_.items_[item];
  return at.has_position ? source_.position(at.span.begin).line : 0;
}

void Emitter::LineMarks::keep_ambiguous() {
  for (uint32_t index : order_) {
    const Item& item = emitter_.items_[index];
    if (size_[index] == 0 || item.target == kNoLabel || (op_info(item.instruction.opcode()).effects & kEnds))
      continue;
    uint32_t fall = behind(index);
    if (fall >= count() || size_[fall] != 0 || real(fall) != real(target(item))) continue;
    while (size_[fall] == 0 && !emitter_.items_[fall].mark) fall = step(fall);
    if (size_[fall] == 0) size_[fall] = 1;
  }
  // A jump to what comes next is needed again if a line now stands in between.
  for (bool changed = true; changed;) {
    changed = false;
    for (uint32_t index : order_) {
      const Item& item = emitter_.items_[index];
      if (size_[index] != 0 || item.taken_in || item.instruction.opcode() != Op::JUMP) continue;
      uint32_t at = next(index);
      while (at != target(item) && at < count() && size_[at] == 0) at = next(at);
      if (at == target(item)) continue;
      size_[index] = 1;
      changed = true;
    }
  }
}

void Emitter::LineMarks::add(uint32_t from, uint32_t from_line, uint32_t first, uint32_t last) {
  constexpr int kMostSteps = 100;
  std::vector<uint32_t> passed;
  uint32_t at = first, before = from_line;
  for (int steps = 0; at != last; at = step(at)) {
    if (at >= count() || ++steps > kMostSteps) return;
    if (!emitter_.items_[at].mark || line(at) == before) continue;
    before = line(at);
    if (size_[at] != 0) break;  // a jump that has its word: from there on it is on its way
    passed.push_back(at);
  }
  if (!passed.empty() && line(passed.back()) == line(at)) passed.pop_back();
  if (passed.empty() && at == last) return;
  uint32_t mark = (*pcs_)[at];
  for (; !passed.empty(); passed.pop_back()) {
    auto same = std::find_if(keys_.begin(), keys_.end(), [&](const Added& each) {
      return each.item == passed.back() && each.target == mark;
    });
    auto place = end_ + static_cast<uint32_t>(same - keys_.begin());
    if (same == keys_.end()) {
      Item item = emitter_.items_[passed.back()];
      bool jumps = item.instruction.opcode() != Op::NOP;
      item.instruction = {};
      item.instruction.op = static_cast<uint8_t>(Op::JUMP);
      item.instruction.aux = jumps ? kJumpMarks : kJumpMarks | kJumpIsNone;
      item.instruction.set_bc(static_cast<int32_t>(mark) - static_cast<int32_t>(place + 1));
      keys_.push_back({passed.back(), mark});
      added_.push_back(item);
    }
    mark = place;
  }
  emitter_.unit_.line_marks.push_back({from, (*pcs_)[last], mark});
}

void Emitter::LineMarks::place(const std::vector<uint32_t>& pcs, const std::vector<uint8_t>& is_far,
                               uint32_t end) {
  pcs_ = &pcs;
  end_ = end;
  if (std::none_of(emitter_.items_.begin(), emitter_.items_.end(),
                   [](const Item& item) { return item.mark; }))
    return;
  for (uint32_t index : order_) {
    const Item& item = emitter_.items_[index];
    if (size_[index] == 0) continue;
    uint32_t pc = pcs[index];
    if (item.target != kNoLabel) {
      uint32_t from = is_far[index] ? pc + size_[index] - 1 : pc;
      add(from, line(index), static_cast<uint32_t>(item.way), real(target(item)));
    }
    if ((op_info(item.instruction.opcode()).effects & kEnds) == 0)
      add(pc, line(index), behind(index), real(behind(index)));
  }
  if (!order_.empty()) add(LineMark::kEntry, 0, order_[0], real(order_[0]));
  std::vector<LineMark>& marks = emitter_.unit_.line_marks;
  std::stable_sort(marks.begin(), marks.end(), [](const LineMark& a, const LineMark& b) {
    return a.from != b.from ? a.from < b.from : a.to < b.to;
  });
  marks.erase(
      std::unique(marks.begin(), marks.end(),
                  [](const LineMark& a, const LineMark& b) { return a.from == b.from && a.to == b.to; }),
      marks.end());
}

}  // namespace mp::lang
