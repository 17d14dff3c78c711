#include "lang/emitter.h"

#include <algorithm>
#include <functional>

#include "lang/line_marks.h"
#include "lang/operands.h"
#include "lang/position_writer.h"

namespace mp::lang {

namespace {

bool is_backward(Op op) { return op >= Op::JUMP_BACK && op <= Op::LOOP_IF_GE_IMM; }

uint64_t mix(uint64_t seed, uint64_t value) {
  seed ^= value + 0x9e3779b97f4a7c15u + (seed << 6) + (seed >> 2);
  return seed;
}

uint64_t hash_constant(const CodeConstant& constant) {
  uint64_t hash = static_cast<uint64_t>(constant.kind) * 0x9e3779b97f4a7c15u;
  hash = mix(hash, static_cast<uint64_t>(constant.integer));
  uint64_t bits;
  __builtin_memcpy(&bits, &constant.real, sizeof bits);
  hash = mix(hash, bits);
  if (!constant.text.empty()) hash = mix(hash, std::hash<std::string>()(constant.text));
  for (const CodeConstant& item : constant.items) hash = mix(hash, hash_constant(item));
  return hash;
}

}  // namespace

Reg Emitter::push(int count) {
  Reg first = top_;
  top_ += count;
  if (top_ > max_) max_ = top_;
  return first;
}

void Emitter::append(Op op, Reg a, Reg b, Reg c, int aux, uint32_t extra, Label target) {
  Item item;
  item.instruction.op = static_cast<uint8_t>(op);
  item.instruction.aux = static_cast<uint8_t>(aux);
  item.instruction.a = static_cast<uint16_t>(a);
  item.instruction.b = static_cast<uint16_t>(b);
  item.instruction.c = static_cast<uint16_t>(c);
  item.extra = extra;
  item.target = target;
  item.handler = handler_;
  item.span = span_;
  item.cold = cold_;
  item.has_position = span_.end != 0;
  const OpInfo& info = op_info(op);
  const Instruction& i = item.instruction;
  Reg live = top_, used = top_;
  Operand kinds[] = {info.a, info.b, info.c};
  Reg first[] = {i.a, i.b, i.c};
  for (int k = 0; k < 3; ++k) {
    if (int count = read_count(kinds[k], i)) live = std::max(live, first[k] + count);
    if (int count = write_count(kinds[k], i)) used = std::max(used, first[k] + count);
  }
  used = std::max(used, live);
  item.live = static_cast<uint32_t>(live);
  if (used > max_) max_ = used;
  items_.push_back(item);
}

void Emitter::emit(Op op, Reg a, Reg b, Reg c, int aux) {
  if (!reachable_) return;
  append(op, a, b, c, aux, 0, kNoLabel);
  if (op_info(op).effects & kEnds) reachable_ = false;
}

void Emitter::emit_wide(Op op, Reg a, int32_t bc, int aux) {
  if (!reachable_) return;
  append(op, a, 0, 0, aux, 0, kNoLabel);
  items_.back().instruction.set_bc(bc);
  if (op_info(op).effects & kEnds) reachable_ = false;
}

void Emitter::emit_extra(Op op, Reg a, Reg b, Reg c, uint32_t extra, int aux) {
  if (!reachable_) return;
  append(op, a, b, c, aux, extra, kNoLabel);
}

void Emitter::move(Reg to, Reg from) {
  if (!reachable_ || to == from) return;
  if (!items_.empty() && last_bound_item_ < static_cast<int32_t>(items_.size())) {
    Item& last = items_.back();
    // Two moves into neighbours become one, unless the second reads what the first wrote.
    if (last.instruction.opcode() == Op::MOVE && last.instruction.a + 1 == to && last.instruction.a != from &&
        last.handler == handler_ && last.cold == cold_) {
      last.instruction.op = static_cast<uint8_t>(Op::MOVE_PAIR);
      last.instruction.c = static_cast<uint16_t>(from);
      last.live = std::max({last.live, static_cast<uint32_t>(top_), static_cast<uint32_t>(from + 1)});
      if (to + 1 > max_) max_ = to + 1;
      return;
    }
  }
  append(Op::MOVE, to, from, 0, 0, 0, kNoLabel);
}

void Emitter::jump(Op op, Label target, Reg a, Reg b, int aux) {
  if (!reachable_) return;
  append(op, a, b, 0, aux, 0, target);
  LabelState& label = labels_[target];
  label.used = true;
  if (label.item < 0) merge_into(label);
  if (op_info(op).effects & kEnds) reachable_ = false;
}

void Emitter::mark_line() {
  if (!reachable_) return;
  append(Op::NOP, 0, 0, 0, 0, 0, kNoLabel);
  items_.back().mark = true;
}

void Emitter::jump_statement(Label target) {
  if (!reachable_) return;
  jump(is_bound(target) ? Op::JUMP_BACK : Op::JUMP, target);
  items_.back().mark = true;
}

Label Emitter::new_label() {
  labels_.emplace_back();
  return static_cast<Label>(labels_.size() - 1);
}

void Emitter::merge_into(LabelState& label) {
  if (label.assigned.empty()) {
    label.assigned = assigned_;
    return;
  }
  for (size_t i = 0; i < assigned_.size(); ++i) label.assigned[i] &= assigned_[i];
}

void Emitter::bind(Label target) {
  LabelState& label = labels_[target];
  if (label.used) {
    if (reachable_) merge_into(label);
    assigned_ = label.assigned;
    reachable_ = true;
  }
  label.item = static_cast<int32_t>(items_.size());
  label.cold = cold_;
  last_bound_item_ = label.item;
  label.assigned.clear();
  label.assigned.shrink_to_fit();
}

void Emitter::flow_into(Label target) {
  if (!reachable_) return;
  LabelState& label = labels_[target];
  label.used = true;
  merge_into(label);
  reachable_ = false;
}

int32_t Emitter::new_handler(Label label, Reg exception_register, int depth) {
  Handler handler{label, exception_register, depth, assigned_};
  for (size_t i = 0; i < handler.assigned.size(); ++i) handler.assigned[i] &= ~deletable_[i];
  handlers_.push_back(std::move(handler));
  if (reachable_) labels_[label].used = true;
  return static_cast<int32_t>(handlers_.size() - 1);
}

void Emitter::bind_handler(int32_t index) {
  Handler& handler = handlers_[index];
  LabelState& label = labels_[handler.label];
  label.assigned = handler.assigned;
  reachable_ = false;
  bind(handler.label);
  release_to(handler.exception_register);
  push();
}

void Emitter::forget_deletable() {
  for (size_t i = 0; i < assigned_.size(); ++i) assigned_[i] &= ~deletable_[i];
}

uint32_t Emitter::constant(CodeConstant constant) {
  uint64_t hash = hash_constant(constant);
  auto [first, last] = constant_index_.equal_range(hash);
  for (; first != last; ++first) {
    if (unit_.constants[first->second] == constant) return first->second;
  }
  uint32_t index = static_cast<uint32_t>(unit_.constants.size());
  unit_.constants.push_back(std::move(constant));
  constant_index_.emplace(hash, index);
  return index;
}

uint32_t Emitter::name(Identifier name) {
  auto [it, fresh] = name_index_.emplace(name.key(), static_cast<uint32_t>(unit_.names.size()));
  if (fresh) unit_.names.emplace_back(name.view());
  return it->second;
}

size_t Emitter::begin_scoped(Identifier variable, Reg reg, bool is_cell) {
  uint32_t index = name(variable);
  Label start = new_label(), end = new_label();
  labels_[start].item = static_cast<int32_t>(items_.size());
  labels_[start].cold = labels_[end].cold = cold_;
  scoped_.push_back({index, reg, is_cell, start, end});
  return scoped_.size() - 1;
}

void Emitter::end_scoped(size_t index) {
  labels_[scoped_[index].end].item = static_cast<int32_t>(items_.size());
}

// A jump to an unconditional jump forward goes where that one goes.
Label Emitter::follow(Label label) const {
  for (int hops = 0; hops < 8; ++hops) {
    int32_t at = labels_[label].item;
    if (at < 0 || at >= static_cast<int32_t>(items_.size())) return label;
    const Item& item = items_[at];
    if (item.instruction.opcode() != Op::JUMP || item.target == label) return label;
    label = item.target;
  }
  return label;
}

bool Emitter::assemble(const Source& source) {
  if (max_ > 65535) return false;
  unit_.register_count = static_cast<uint32_t>(max_);
  size_t count = items_.size();
  // A label stands before the next instruction that is as cold as itself; colder ones in between are placed
  // elsewhere.
  if (coldest_ > 0) {
    std::vector<int32_t> next(static_cast<size_t>(coldest_) + 1, static_cast<int32_t>(count));
    std::vector<std::vector<Label>> before(count + 1);
    for (size_t i = 0; i < labels_.size(); ++i) {
      if (labels_[i].item >= 0) before[labels_[i].item].push_back(static_cast<Label>(i));
    }
    for (size_t i = count + 1; i-- > 0;) {
      if (i < count) next[items_[i].cold] = static_cast<int32_t>(i);
      for (Label label : before[i]) labels_[label].item = next[labels_[label].cold];
    }
  }
  // What is only a line takes no room.
  std::vector<uint8_t> is_target(count + 1, 0), dropped(count, 0);
  for (size_t i = 0; i < count; ++i) dropped[i] = items_[i].instruction.opcode() == Op::NOP;
  // A conditional jump over a jump becomes the opposite conditional jump.
  for (const LabelState& label : labels_) {
    if (label.item >= 0 && label.used) is_target[label.item] = 1;
  }
  for (size_t i = 0; i + 2 < count; ++i) {
    Item& item = items_[i];
    const Item& next = items_[i + 1];
    if (item.target == kNoLabel || next.instruction.opcode() != Op::JUMP || is_target[i + 1] ||
        labels_[item.target].item != static_cast<int32_t>(i + 2) || item.cold != next.cold ||
        items_[i + 2].cold != item.cold) {
      continue;
    }
    // Both ways lead to one place, and the line of one is to be seen: LineMarks.
    if (next.mark && labels_[next.target].item == static_cast<int32_t>(i + 2)) continue;
    Op op = item.instruction.opcode();
    switch (op) {
      case Op::JUMP_IF_TRUE: op = Op::JUMP_IF_FALSE; break;
      case Op::JUMP_IF_FALSE: op = Op::JUMP_IF_TRUE; break;
      case Op::JUMP_IF_NONE: op = Op::JUMP_IF_NOT_NONE; break;
      case Op::JUMP_IF_NOT_NONE: op = Op::JUMP_IF_NONE; break;
      default:
        if (op < Op::JUMP_IF_LT || op > Op::JUMP_IF_GE_IMM) continue;
        item.instruction.aux ^= 1;
    }
    item.instruction.op = static_cast<uint8_t>(op);
    item.target = next.target;
    item.way = static_cast<int32_t>(i + 1);
    dropped[i + 1] = items_[i + 1].taken_in = 1;
  }
  for (Item& item : items_) {
    if (item.target == kNoLabel) continue;
    if (item.way < 0) item.way = labels_[item.target].item;
    if (!is_backward(item.instruction.opcode())) item.target = follow(item.target);
  }
  // The order of the code: what runs rarely comes last.
  std::vector<uint32_t> order;
  order.reserve(count);
  for (int depth = 0; depth <= coldest_; ++depth) {
    for (size_t i = 0; i < count; ++i) {
      if (items_[i].cold == depth) order.push_back(static_cast<uint32_t>(i));
    }
  }
  // Jumps to what comes next anyway vanish; short jumps that do not reach get one word more. Both change the
  // layout: repeat.
  std::vector<uint8_t> size(count), is_far(count, 0);
  for (size_t k = count; k-- > 0;) {
    uint32_t i = order[k];
    const Item& item = items_[i];
    size[i] = dropped[i] ? 0 : static_cast<uint8_t>(op_info(item.instruction.opcode()).length());
    if (dropped[i] || item.instruction.opcode() != Op::JUMP) continue;
    auto target = static_cast<uint32_t>(labels_[item.target].item);
    size_t next = k + 1;
    while (next < count && order[next] != target && size[order[next]] == 0) ++next;
    if ((next < count ? order[next] : count) == target) size[i] = 0;
  }
  LineMarks marks(*this, source, order, size);
  marks.keep_ambiguous();
  std::vector<uint32_t> pcs(count + 1);
  uint32_t end = 0;
  for (bool changed = true; changed;) {
    changed = false;
    end = 0;
    for (uint32_t index : order) {
      pcs[index] = end;
      end += size[index];
    }
    pcs[count] = end;
    for (size_t i = 0; i < count; ++i) {
      const Item& item = items_[i];
      if (item.target == kNoLabel || is_far[i]) continue;
      const OpInfo& info = op_info(item.instruction.opcode());
      if (info.c != Operand::J16) continue;
      int64_t offset = int64_t(pcs[labels_[item.target].item]) - int64_t(pcs[i] + info.length());
      if (offset < -32000 || offset > 32000) {
        is_far[i] = 1;
        ++size[i];
        changed = true;
      }
    }
  }
  marks.place(pcs, is_far, end);
  unit_.code.reserve(end + marks.added().size());
  auto put = [&](const Instruction& instruction) {
    uint64_t word;
    __builtin_memcpy(&word, &instruction, sizeof word);
    unit_.code.push_back(word);
  };
  for (uint32_t index : order) {
    const Item& item = items_[index];
    if (size[index] == 0) continue;
    Instruction instruction = item.instruction;
    const OpInfo& info = op_info(instruction.opcode());
    int64_t target = item.target == kNoLabel ? 0 : pcs[labels_[item.target].item];
    if (is_far[index]) {
      // The opposite condition skips a far jump; a loop's iterator skips it when there is an item.
      bool loops = instruction.opcode() == Op::FOR_ITER || instruction.opcode() == Op::FOR_LOOP;
      bool back = is_backward(instruction.opcode()) || instruction.opcode() == Op::FOR_LOOP;
      Instruction far{};
      far.op = static_cast<uint8_t>(back ? Op::JUMP_BACK : Op::JUMP);
      far.set_bc(static_cast<int32_t>(target - int64_t(pcs[index] + size[index])));
      if (instruction.opcode() == Op::FOR_ITER) {
        instruction.op = static_cast<uint8_t>(Op::FOR_ITER_FAR);
        instruction.c = 0;
      } else if (instruction.opcode() == Op::FOR_LOOP) {
        instruction.op = static_cast<uint8_t>(Op::FOR_ITER);
        instruction.c = 1;
      } else {
        if (back) {
          int shift = static_cast<int>(instruction.opcode()) - static_cast<int>(Op::LOOP_IF_LT);
          int base = shift < 6 ? static_cast<int>(Op::JUMP_IF_LT) + shift
                               : static_cast<int>(Op::JUMP_IF_LT_IMM) + shift - 6;
          instruction.op = static_cast<uint8_t>(base);
        }
        instruction.aux ^= 1;
        instruction.c = 1;
      }
      put(instruction);
      if (loops) unit_.code.push_back(0);  // the cache word
      put(far);
      continue;
    }
    if (item.target != kNoLabel) {
      int64_t offset = target - int64_t(pcs[index] + info.length());
      if (info.c == Operand::J16) {
        instruction.c = static_cast<uint16_t>(static_cast<int16_t>(offset));
      } else {
        instruction.set_bc(static_cast<int32_t>(offset));
      }
    }
    put(instruction);
    if (info.extra_words) unit_.code.push_back(item.extra);
    if (info.cache_words) unit_.code.push_back(0);
  }
  for (const Item& mark : marks.added()) put(mark.instruction);
  // Tables.
  std::vector<Placed> placed;
  for (uint32_t index : order) {
    if (size[index] != 0) placed.push_back({&items_[index], pcs[index]});
  }
  for (const Item& mark : marks.added()) placed.push_back({&mark, end++});
  int32_t current_handler = kNoHandler;
  for (const auto& [item, pc] : placed) {
    if (unit_.live_ranges.empty() || unit_.live_ranges.back().live != item->live) {
      unit_.live_ranges.push_back({pc, item->live});
    }
    if (item->handler != current_handler) {
      if (current_handler != kNoHandler) unit_.exceptions.back().end = pc;
      current_handler = item->handler;
      if (current_handler != kNoHandler) {
        const Handler& handler = handlers_[current_handler];
        unit_.exceptions.push_back(
            {pc, static_cast<uint32_t>(unit_.code.size()), pcs[labels_[handler.label].item],
             static_cast<uint16_t>(handler.exception_register), static_cast<uint16_t>(handler.depth)});
      }
    }
  }
  for (const Scoped& scoped : scoped_) {
    uint32_t start = pcs[labels_[scoped.start].item], stop = pcs[labels_[scoped.end].item];
    if (start < stop) {
      unit_.scoped_locals.push_back(
          {scoped.name, static_cast<uint16_t>(scoped.reg), scoped.is_cell, start, stop});
    }
  }
  encode_positions(source, placed);
  return true;
}

void Emitter::encode_positions(const Source& source, const std::vector<Placed>& placed) {
  PositionWriter writer(unit_);
  for (size_t k = 0; k < placed.size();) {
    const Item& item = *placed[k].item;
    size_t next = k + 1;
    while (next < placed.size()) {
      const Item& other = *placed[next].item;
      if (other.has_position != item.has_position || other.span.begin != item.span.begin ||
          other.span.end != item.span.end) {
        break;
      }
      ++next;
    }
    uint32_t start = placed[k].pc;
    auto stop = next < placed.size() ? placed[next].pc : static_cast<uint32_t>(unit_.code.size());
    k = next;
    if (start == stop) continue;
    CodePosition position;
    if (item.has_position) {
      Position from = source.position(item.span.begin), to = source.position(item.span.end);
      position = {static_cast<int32_t>(from.line), static_cast<int32_t>(to.line),
                  static_cast<int32_t>(from.column), static_cast<int32_t>(to.column)};
    }
    writer.add(stop - start, position);
  }
}

}  // namespace mp::lang
