#include "vm/exec/atomicity_flow.h"

#include <algorithm>
#include <map>
#include <utility>

#include "lang/operands.h"

namespace mp::atomicity {

using namespace lang;

namespace {

// The step of a read, and of the jump that has looked at it, if one has.
struct Read {
  uint32_t load, test = 0;
  auto operator<=>(const Read&) const = default;
};

// The reads that a value is made of, and the sites since each.
class Taint {
 public:
  bool empty() const { return reads_.empty(); }
  void clear() { reads_.clear(); }
  // True when that changed anything.
  bool add(Read read, PresetMask sites) {
    auto at = std::lower_bound(reads_.begin(), reads_.end(), read,
                               [](const auto& each, const Read& key) { return each.first < key; });
    if (at == reads_.end() || at->first != read) {
      reads_.insert(at, {read, sites});
      return true;
    }
    bool more = (at->second | sites) != at->second;
    at->second |= sites;
    return more;
  }
  bool add(const Taint& other, PresetMask more = 0) {
    bool changed = false;
    for (const auto& [read, sites] : other.reads_) changed |= add(read, sites | more);
    return changed;
  }
  void pass(PresetMask sites) {
    for (auto& read : reads_) read.second |= sites;
  }
  template <typename Predicate>
  void remove_if(Predicate predicate) {
    std::erase_if(reads_, [&](const auto& read) { return predicate(read.first.load); });
  }
  const std::vector<std::pair<Read, PresetMask>>& reads() const { return reads_; }

 private:
  std::vector<std::pair<Read, PresetMask>> reads_;  // sorted
};

class FlowFinder {
 public:
  FlowFinder(const CodeUnit& unit, const std::vector<Step>& steps, int variables)
      : unit_(unit),
        steps_(steps),
        step_at_(unit.code.size() + 2, UINT32_MAX),
        stored_(static_cast<size_t>(variables), false),
        choice_(unit.register_count + static_cast<uint32_t>(variables)),
        entry_(steps.size()) {
    for (uint32_t i = 0; i < steps.size(); ++i) {
      step_at_[steps[i].pc] = i;
      for (int variable : {steps[i].store, steps[i].act})
        if (variable >= 0) stored_[static_cast<size_t>(variable)] = true;
    }
  }

  FlowResult run() {
    FlowResult result;
    result.normal = reachable();
    find_leaders();
    if (steps_.empty()) return result;
    reach(0, State(choice_ + 1), 0);
    while (!work_.empty()) {
      uint32_t leader = work_.back();
      work_.pop_back();
      queued_[leader] = false;
      run_block(leader);
    }
    for (const auto& [key, sites] : flows_)
      result.flows.push_back({key.read.load, key.store, key.read.test, key.kind, sites});
    return result;
  }

 private:
  // Registers, then what lies in each variable, then what the jumps so far have looked at.
  using State = std::vector<Taint>;

  uint32_t next_pc(uint32_t i) const {
    return steps_[i].pc + static_cast<uint32_t>(steps_[i].info->length());
  }
  // fn(step, by jump)
  template <typename Fn>
  void successors(uint32_t i, Fn fn) const {
    const Step& step = steps_[i];
    auto go = [&](uint32_t pc, bool jump) {
      if (pc < step_at_.size() && step_at_[pc] != UINT32_MAX) fn(step_at_[pc], jump);
    };
    if (has_jump(*step.info)) go(jump_target(unit_, step.pc), true);
    if ((step.info->effects & kEnds) == 0) go(next_pc(i), false);
    if (step.info->base == Op::FOR_ITER_FAR) go(next_pc(i) + 1, false);
  }
  bool ends_block(const Step& step) const {
    return has_jump(*step.info) || (step.info->effects & kEnds) != 0 || step.info->base == Op::FOR_ITER_FAR;
  }

  std::vector<bool> reachable() const {
    std::vector<bool> seen(steps_.size(), false);
    std::vector<uint32_t> work;
    auto visit = [&](uint32_t i, bool) {
      if (!seen[i]) {
        seen[i] = true;
        work.push_back(i);
      }
    };
    if (!steps_.empty()) visit(0, false);
    while (!work.empty()) {
      uint32_t i = work.back();
      work.pop_back();
      successors(i, visit);
    }
    return seen;
  }

  void find_leaders() {
    leader_.assign(steps_.size(), false);
    queued_.assign(steps_.size(), false);
    known_.assign(steps_.size(), false);
    for (uint32_t i = 0; i < steps_.size(); ++i) {
      if (!ends_block(steps_[i])) continue;
      successors(i, [&](uint32_t to, bool) { leader_[to] = true; });
    }
    for (const ExceptionRange& range : unit_.exceptions) leader_[step_at_[range.handler]] = true;
  }

  // The state joins what is known at the head of a block.
  void reach(uint32_t leader, const State& state, PresetMask sites) {
    bool changed = !known_[leader];
    known_[leader] = true;
    State& entry = entry_[leader];
    if (entry.empty()) entry.resize(state.size());
    // Temporaries that nobody reads any more keep nothing alive.
    uint32_t live = std::max(unit_.live_at(steps_[leader].pc), unit_.first_temporary());
    for (uint32_t r = 0; r < state.size(); ++r) {
      if (r >= live && r < unit_.register_count) continue;
      if (entry[r].add(state[r], sites)) changed = true;
    }
    if (changed && !queued_[leader]) {
      queued_[leader] = true;
      work_.push_back(leader);
    }
  }

  void run_block(uint32_t leader) {
    State state = entry_[leader];
    for (uint32_t i = leader; i < steps_.size(); ++i) {
      if (i != leader && leader_[i]) return reach(i, state, 0);
      const Step& step = steps_[i];
      if (step.info->effects & kRaises) {
        if (const ExceptionRange* range = unit_.handler_at(step.pc)) {
          uint32_t handler = step_at_[range->handler];
          reach(handler, state, step.after | step.jump);
          if (is_stored(step.load)) {  // the handler knows how the read went
            State failed(state.size());
            failed[choice_].add({i, i}, 0);
            reach(handler, failed, step.after | step.jump);
          }
        }
      }
      execute(i, state);
      if (ends_block(step)) {
        successors(i, [&](uint32_t to, bool jump) { reach(to, state, jump ? step.jump : step.after); });
        return;
      }
      if (step.after != 0)
        for (Taint& taint : state) taint.pass(step.after);
    }
  }

  void execute(uint32_t i, State& state) {
    const Step& step = steps_[i];
    const Instruction& at = step.instruction;
    const Operand kinds[] = {step.info->a, step.info->b, step.info->c};
    const uint16_t values[] = {at.a, at.b, at.c};
    if (step.info->base == Op::MOVE_PAIR) {
      Taint first = state[at.b], second = state[at.c];
      state[at.a] = std::move(first);
      state[at.a + 1u] = std::move(second);
      return;
    }
    Taint read;
    bool plain_call = step.info->base == Op::CALL || step.info->base == Op::CALL_KW;
    for (int k = 0; k < 3; ++k) {
      uint32_t count = static_cast<uint32_t>(read_count(kinds[k], at));
      for (uint32_t r = 0; r < count; ++r)
        if (!(plain_call && r == 1)) read.add(state[values[k] + r]);  // its self slot is scratch
    }
    if (step.load >= 0) read.add(state[unit_.register_count + static_cast<uint32_t>(step.load)]);
    if (is_stored(step.load) || is_stored(step.look)) {
      // Read anew: what the jumps knew about the last time is old.
      state[choice_].remove_if([&](uint32_t load) { return load == i; });
      read.add({i}, 0);
    }
    if (step.store >= 0) store(i, state);
    if (step.act >= 0)
      for (const auto& [seen, sites] : state[choice_].reads())
        if (steps_[seen.load].look == step.act) flows_[{seen, i, FlowKind::Act}] |= sites;
    if (has_jump(*step.info))
      for (const auto& [seen, sites] : read.reads()) state[choice_].add({seen.load, i}, sites);
    // What grows: a comprehension, `[*x]`.
    Op op = step.info->base;
    if (op == Op::LIST_APPEND || op == Op::SET_ADD || op == Op::MAP_ADD || op == Op::LIST_EXTEND)
      state[at.a].add(read);
    for (int k = 0; k < 3; ++k) {
      uint32_t count = static_cast<uint32_t>(write_count(kinds[k], at));
      for (uint32_t r = 0; r < count; ++r) state[values[k] + r] = read;
    }
  }

  bool is_stored(int variable) const { return variable >= 0 && stored_[static_cast<size_t>(variable)]; }

  void store(uint32_t i, State& state) {
    const Step& step = steps_[i];
    auto same = [&](uint32_t load) { return steps_[load].load == step.store; };
    Taint value = state[step.info->base == Op::STORE_DEREF ? step.instruction.b : step.instruction.a];
    for (const auto& [seen, sites] : value.reads())
      if (is_stored(steps_[seen.load].load))
        flows_[{seen, i, same(seen.load) ? FlowKind::Value : FlowKind::Other}] |= sites;
    for (const auto& [seen, sites] : state[choice_].reads())
      if (same(seen.load)) flows_[{seen, i, FlowKind::Choice}] |= sites;
    // What was read of this variable has come home.
    value.remove_if(same);
    state[unit_.register_count + static_cast<uint32_t>(step.store)] = std::move(value);
  }

  struct Key {
    Read read;
    uint32_t store;
    FlowKind kind;
    auto operator<=>(const Key&) const = default;
  };

  const CodeUnit& unit_;
  const std::vector<Step>& steps_;
  std::vector<uint32_t> step_at_;
  std::vector<bool> stored_;  // by variable
  uint32_t choice_;
  std::vector<State> entry_;
  std::vector<bool> leader_, queued_, known_;
  std::vector<uint32_t> work_;
  std::map<Key, PresetMask> flows_;
};

}  // namespace

FlowResult find_flows(const CodeUnit& unit, const std::vector<Step>& steps, int variable_count) {
  return FlowFinder(unit, steps, variable_count).run();
}

}  // namespace mp::atomicity
