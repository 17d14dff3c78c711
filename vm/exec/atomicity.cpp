#include "vm/exec/atomicity.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <unordered_map>

#include "lang/operands.h"
#include "vm/exec/atomicity_flow.h"
#include "vm/exec/atomicity_methods.h"
#include "vm/exec/atomicity_source.h"
#include "vm/exec/atomicity_text.h"
#include "vm/exec/switch_sites.h"

namespace mp {
namespace atomicity {

using namespace lang;

namespace {

constexpr Semantics kPresetList[] = {
#define MP_SEMANTICS(name, enumerator, policy, doc) Semantics::enumerator,
#include "vm/threads/semantics.def"
#undef MP_SEMANTICS
};

std::string preset_names(PresetMask mask) {
  std::string out;
  for (Semantics preset : kPresetList) {
    if ((mask & preset_bit(preset)) == 0) continue;
    if (!out.empty()) out += ", ";
    out += semantics_info(preset).name;
  }
  return out;
}

struct Count {
  std::array<int, kPresets> sites{};
  int shared = 0;  // operations on what other threads can see
  bool any = false;
};

struct Row {
  Count normal, all;  // without and with what runs after an exception
  std::vector<std::pair<uint32_t, std::string>> verdicts;
  bool has_code = false;
};

class Report {
 public:
  Report(const Source& source, const ModNode& module) : facts_(source, module) {
    rows_.resize(facts_.statements().size());
  }

  void add(const CodeUnit& unit, int definition, bool is_module);
  std::string text(uint32_t line) const;

 private:
  friend class UnitReport;
  const SourceFacts facts_;
  std::vector<Row> rows_;
};

// One function, class body or module.
class UnitReport {
 public:
  UnitReport(Report& report, const CodeUnit& unit, int definition, bool is_module)
      : report_(report), facts_(report.facts_), unit_(unit), is_module_(is_module), definition_(definition) {}

  void run() {
    decode();
    stores_slices_ = std::any_of(steps_.begin(), steps_.end(),
                                 [](const Step& step) { return step.info->base == Op::STORE_SLICE; });
    for (uint32_t i = 0; i < steps_.size(); ++i) classify(i);
    flows_ = find_flows(unit_, steps_, static_cast<int>(variables_.size()));
    for (uint32_t i = 0; i < steps_.size(); ++i) count(i);
    count_entry();
    judge_flows();
    for (uint32_t i = 0; i < steps_.size(); ++i) judge_operation(i);
    for (const Step& step : steps_) {
      if (step.info->base != Op::MAKE_FUNCTION) continue;
      uint32_t i = static_cast<uint32_t>(&step - steps_.data());
      report_.add(*unit_.functions[step.instruction.c], places_[i].statement, false);
    }
  }

 private:
  struct Place {
    CodePosition position;
    uint32_t offset = 0;
    int statement = -1;
    int callee = -1;  // of a call: the step that made the callable
    bool shared = false;
  };

  void decode() {
    PositionReader reader(unit_);
    reader.next();
    // The writer of a register that stands last in the code: a callee is made before its arguments.
    std::vector<int> writer(unit_.register_count, -1);
    for (uint32_t pc = 0; pc < unit_.code.size();) {
      Step step;
      step.pc = pc;
      step.instruction = unit_.instruction(pc);
      step.info = &op_info(step.instruction.opcode());
      while (pc >= reader.end() && reader.next()) {
      }
      Place place{reader.position()};
      if (place.position.line > 0) {
        place.offset = facts_.offset(place.position);
        place.statement = facts_.statement_at(place.offset);
      }
      const Operand kinds[] = {step.info->a, step.info->b, step.info->c};
      const uint16_t values[] = {step.instruction.a, step.instruction.b, step.instruction.c};
      for (int k = 0; k < 3; ++k)
        if (kinds[k] == Operand::RK) place.callee = writer[values[k]];
      for (int k = 0; k < 3; ++k)
        for (int r = 0; r < write_count(kinds[k], step.instruction); ++r)
          writer[values[k] + static_cast<size_t>(r)] = static_cast<int>(steps_.size());
      steps_.push_back(step);
      places_.push_back(place);
      pc += static_cast<uint32_t>(step.info->length());
    }
  }

  int variable(char space, std::string name) {
    auto [at, fresh] = variable_ids_.try_emplace(space + name, static_cast<int>(variables_.size()));
    if (fresh) variables_.push_back(std::move(name));
    return at->second;
  }
  const std::string& name_of(const Step& step) const {
    size_t index =
        step.info->b == Operand::N32 ? static_cast<size_t>(step.instruction.bc()) : step.instruction.c;
    return unit_.names[index];
  }
  const Statement& statement(uint32_t i) const {
    return facts_.statements()[static_cast<size_t>(std::max(places_[i].statement, 0))];
  }

  // The builtin or method name that a call asks for; empty: not known.
  std::string_view called(uint32_t i, Op loaded_by) const {
    int callee = places_[i].callee;
    if (callee < 0) return {};
    const Step& load = steps_[static_cast<size_t>(callee)];
    if (load.info->base != loaded_by && !(loaded_by == Op::LOAD_GLOBAL && load.info->base == Op::LOAD_NAME))
      return {};
    return name_of(load);
  }

  bool quiet_callee(uint32_t i) const {
    const Step& step = steps_[i];
    if (step.info->base == Op::CALL) {
      std::string_view name = called(i, Op::LOAD_GLOBAL);
      return facts_.is_unbound(name) &&
             (name == "len" || name == "isinstance" || (name == "type" && step.instruction.c == 1));
    }
    if (step.info->base != Op::CALL_METHOD || called(i, Op::LOAD_METHOD) != "append") return false;
    ObjectKind kind = receiver_type(i).kind;
    return kind == ObjectKind::Unknown || kind == ObjectKind::List;
  }
  ObjectType receiver_type(uint32_t call) const {
    const Place& method = places_[static_cast<size_t>(places_[call].callee)];
    return facts_.type_of(receiver_of(facts_.expression(method.position)), statement(call));
  }

  // Which variable an instruction reads or writes, and which sites it has.
  void classify(uint32_t i) {
    Step& step = steps_[i];
    Place& place = places_[i];
    auto expression = [&] { return facts_.expression(place.position); };
    bool runs_code = false, positioned = place.statement >= 0;
    // All items, or a slice of them.
    auto whole = [&](std::string_view container) {
      return positioned && stores_slices_ ? variable('t', fmt::format("{}[:]", container)) : -1;
    };
    auto member = [&](bool store) {
      if (!positioned) return -1;
      std::string text = expression();
      // An annotation, a pattern: no place in the source that stands for the variable.
      bool subscript = step.info->base != Op::LOAD_ATTR && step.info->base != Op::STORE_ATTR;
      std::string_view receiver = receiver_of(text);
      if (receiver.size() == text.size() || subscript != text.ends_with(']')) return -1;
      std::string_view name = subscript ? "[]" : std::string_view(text).substr(receiver.size() + 1);
      runs_code = facts_.runs_code(receiver, name, store, statement(i));
      place.shared = true;
      bool slice = step.info->base == Op::LOAD_SLICE || step.info->base == Op::STORE_SLICE;
      return slice ? whole(receiver) : variable('t', text);
    };
    auto global = [&] {
      const std::string& name = name_of(step);
      place.shared = !facts_.is_unbound(name) && !facts_.is_fixed(name);
      return variable('g', name);
    };
    auto contents = [&](std::string_view container, char space = 'c') {
      bool known = positioned && facts_.type_of(container, statement(i)).kind >= ObjectKind::Lock;
      return !positioned || known ? -1 : variable(space, std::string(container));
    };
    auto item_of = [&] { return positioned ? contents(receiver_of(expression())) : -1; };
    auto cell = [&](uint16_t reg) {
      place.shared = true;
      return variable('d', std::string(unit_.cell_name_at(step.pc, reg)));
    };
    switch (step.info->base) {
      case Op::LOAD_GLOBAL: step.load = global(); break;
      case Op::STORE_GLOBAL: step.store = global(); break;
      case Op::LOAD_NAME:
        if (is_module_) step.load = global();
        break;
      case Op::STORE_NAME:
        if (is_module_) step.store = global();
        break;
      case Op::LOAD_DEREF: step.load = cell(step.instruction.b); break;
      case Op::STORE_DEREF: step.store = cell(step.instruction.a); break;
      case Op::LOAD_ATTR:
      case Op::SUBSCRIPT:
      case Op::SUBSCRIPT_IMM:
      case Op::LOAD_SLICE: step.load = member(false); break;
      case Op::STORE_ATTR:
      case Op::STORE_SUBSCRIPT:
      case Op::STORE_SLICE:
        step.store = member(true);
        if (step.store >= 0) step.act = item_of();
        break;
      case Op::DELETE_SUBSCRIPT: step.act = item_of(); [[fallthrough]];
      case Op::DELETE_ATTR:
      case Op::DELETE_GLOBAL:
      case Op::FOR_ITER:
      case Op::FOR_LOOP:
      case Op::FOR_ITER_FAR: place.shared = true; break;
      case Op::IN:
      case Op::JUMP_IF_IN:
        // `k in d` looks at d[k].
        place.shared = true;
        if (positioned) {
          auto [key, container] = split_at_in(expression());
          step.load = container.empty() ? -1 : variable('t', fmt::format("{}[{}]", container, key));
          step.look = contents(container);
        }
        break;
      case Op::NOT:
      case Op::JUMP_IF_TRUE:
      case Op::JUMP_IF_FALSE:
      case Op::LOOP_IF_TRUE:
      case Op::LOOP_IF_FALSE:
        // The truth of a container.
        if (positioned) {
          std::string tested = expression();
          step.look = contents(tested.starts_with("not ") ? std::string_view(tested).substr(4) : tested);
        }
        break;
      case Op::GET_ITER:
        if (positioned) step.load = whole(expression());
        break;
      case Op::CALL: {
        std::string_view name = called(i, Op::LOAD_GLOBAL);
        if (!positioned || name.empty() || !facts_.is_unbound(name)) break;
        std::string text = expression();
        if (name != "len")
          step.load = whole(first_argument(text, name));  // sorted(x)
        else if (text.size() > 5)
          step.look = contents(std::string_view(text).substr(4, text.size() - 5));
        break;
      }
      case Op::CALL_METHOD: {
        std::string_view name = called(i, Op::LOAD_METHOD);
        if (!positioned || name.empty() || receiver_type(i).kind == ObjectKind::Instance) break;
        if (name == "get") step.load = got(i, expression());
        std::string method = facts_.expression(places_[static_cast<size_t>(place.callee)].position);
        if (is_one_of(kActs, name)) step.act = contents(receiver_of(method));
        if (is_one_of(kQueueActs, name)) step.act = contents(receiver_of(method), 'q');
        if (is_one_of(kQueueLooks, name)) step.look = contents(receiver_of(method), 'q');
        break;
      }
      default: break;
    }
    for (Semantics preset : kPresetList) {
      const bool own = switch_site_after(preset, *step.info),
                 polled = loop_polls(*step.info, quiet_callee(i));
      // Without a lock a switch is where the other thread is.
      bool always = runs_code || lets_others_run(step.info->base) || preset == Semantics::Py313t;
      bool only_taken = step.info->site == SwitchSite::Back && step.info->base != Op::FOR_LOOP;
      if (own || always || (polled && !only_taken)) step.after |= preset_bit(preset);
      if (own || always || polled) step.jump |= preset_bit(preset);
    }
  }

  // A lock is waited for, a module runs, a task is suspended: no matter where the loop polls.
  static bool lets_others_run(Op op) {
    return op == Op::BEFORE_WITH || op == Op::BEFORE_ASYNC_WITH || op == Op::IMPORT_NAME || op == Op::AWAIT;
  }

  // So does `d.get(k)`.
  int got(uint32_t i, const std::string& text) {
    std::string method = facts_.expression(places_[static_cast<size_t>(places_[i].callee)].position);
    std::string key = first_argument(text, method);
    return key.empty() ? -1 : variable('t', fmt::format("{}[{}]", receiver_of(method), key));
  }

  void count(uint32_t i) {
    const Step& step = steps_[i];
    const Place& place = places_[i];
    if (place.statement < 0) return;
    Row& row = report_.rows_[static_cast<size_t>(place.statement)];
    bool returns = step.info->base == Op::RETURN || step.info->base == Op::RETURN_CONST;
    bool is_return = statement(i).node->kind == NodeKind::Return;
    if (returns && !is_return) return;  // the end of a function is no statement
    row.has_code = true;
    auto add = [&](Count& count) {
      for (Semantics preset : kPresetList) {
        // What falls behind a return is the site of the caller's call.
        bool caller = returns && !needs_count_of_instructions(preset);
        if (((step.after | step.jump) & preset_bit(preset)) != 0 && !caller)
          ++count.sites[static_cast<size_t>(preset)];
      }
      count.shared += place.shared;
      if (!is_call(step.info->base)) return;
      ++count.shared;
      if (place.callee >= 0 && steps_[static_cast<size_t>(place.callee)].info->base == Op::LOAD_BUILD_CLASS)
        return;
      std::string_view name = called(i, Op::LOAD_GLOBAL);
      if (name.empty() ? step.info->base != Op::CALL_METHOD : !facts_.is_unbound(name)) count.any = true;
    };
    add(row.all);
    if (flows_.normal[i]) add(row.normal);
  }
  static bool needs_count_of_instructions(Semantics preset) {
    return preset == Semantics::Py27 || preset == Semantics::EveryOp;
  }

  void count_entry() {
    if (definition_ < 0) return;
    Row& row = report_.rows_[static_cast<size_t>(definition_)];
    for (int& sites : row.normal.sites) ++sites;
    for (int& sites : row.all.sites) ++sites;
  }

  void say(uint32_t i, std::string text) {
    if (places_[i].statement < 0) return;
    auto& verdicts = report_.rows_[static_cast<size_t>(places_[i].statement)].verdicts;
    for (const auto& [offset, said] : verdicts)
      if (said == text) return;
    verdicts.emplace_back(places_[i].offset, std::move(text));
  }

  // A read and a store of one variable, in one statement or in two.
  struct Update {
    PresetMask sites = 0;
    uint32_t store = 0;
    int read_at = -1;  // the statement of the read
    int decision = -1;
    int with = -1;  // the variable that this one is exchanged with
    bool acts = false;
    std::string lock;
  };

  void judge_flows() {
    std::map<std::pair<int, int>, Update> updates, choices;  // by statement and variable of the store
    std::vector<const Flow*> exchanges;
    std::vector<std::vector<uint32_t>> changes(variables_.size());  // where each variable is changed
    for (size_t i = 0; i < steps_.size(); ++i)
      for (int variable : {steps_[i].store, steps_[i].act})
        if (variable >= 0) changes[static_cast<size_t>(variable)].push_back(places_[i].offset);
    for (const Flow& flow : flows_.flows) {
      const Place &load = places_[flow.load], &store = places_[flow.store];
      if (load.statement < 0 || store.statement < 0) continue;
      int variable = flow.kind == FlowKind::Act ? steps_[flow.store].act : steps_[flow.store].store;
      const std::string& name = variables_[static_cast<size_t>(variable)];
      if (name.ends_with(']') && is_private(receiver_of(name), store.offset)) continue;
      if (flow.kind == FlowKind::Other) {
        if (load.statement == store.statement && !is_own(name, store.offset)) exchanges.push_back(&flow);
        continue;
      }
      if (flow.kind == FlowKind::Act && (is_private(name, store.offset) || is_own(name, store.offset)))
        continue;
      bool by_choice = flow.kind != FlowKind::Value;
      int decision = -1;
      if (by_choice) {
        const std::vector<uint32_t>& changed = changes[static_cast<size_t>(variable)];
        decision = facts_.decision(load.offset, store.offset, changed);
        // The test may look at a local variable that has what was read.
        if (decision < 0) decision = facts_.decision(places_[flow.test].offset, store.offset, changed);
        if (decision < 0) continue;
      }
      auto [at, fresh] = (by_choice ? choices : updates).try_emplace({store.statement, variable});
      Update& update = at->second;
      if (decision > update.decision) {  // the innermost one has the last word
        fresh = true;
        update = {};
      } else if (decision < update.decision) {
        continue;
      }
      update.decision = decision;
      update.acts = flow.kind == FlowKind::Act;
      update.sites |= flow.sites;
      update.store = flow.store;
      std::string lock = facts_.common_lock(load.statement, store.statement);
      update.lock = fresh || update.lock == lock ? lock : "";
      if (update.read_at != store.statement) update.read_at = load.statement;
    }
    judge_exchanges(exchanges, updates);
    for (auto& [key, choice] : choices) {
      auto update = updates.find(key);
      // `x = x or make()`: what is stored without the call was read as well.
      bool decides =
          update != updates.end() && choice.read_at == key.first && update->second.read_at == key.first;
      if (decides) choice.sites |= update->second.sites;
      if (decides)
        updates.erase(update);
      else if (update != updates.end())
        continue;
      if (!choice.acts || !has_item(updates, choices, key)) judge(choice, key.second, "check-then-act");
    }
    for (const auto& [key, update] : updates) judge(update, key.second, "read-modify-write");
    for (const auto* list : {&updates, &choices})
      for (const auto& [key, update] : *list) updated_.push_back(key);
  }

  using Updates = std::map<std::pair<int, int>, Update>;
  // An item of the container is judged in that statement, which says more.
  bool has_item(const Updates& updates, const Updates& choices, std::pair<int, int> container) const {
    std::string item = variables_[static_cast<size_t>(container.second)] + "[";
    for (const Updates* list : {&updates, &choices})
      for (const auto& [key, update] : *list)
        if (key.first == container.first && variables_[static_cast<size_t>(key.second)].starts_with(item))
          return true;
    return false;
  }

  // `a, b = b, a`: each is made of the other.
  void judge_exchanges(const std::vector<const Flow*>& flows, Updates& updates) {
    for (const Flow* into : flows) {
      for (const Flow* out : flows) {
        int statement = places_[into->store].statement, variable = steps_[into->store].store;
        if (places_[out->store].statement != statement || steps_[out->load].load != variable) continue;
        auto [at, fresh] = updates.try_emplace({statement, variable});
        if (!fresh && at->second.with < 0) continue;
        at->second.with = steps_[into->load].load;
        at->second.sites |= into->sites | out->sites;
        at->second.store = into->store;
        at->second.read_at = statement;
        at->second.lock = facts_.common_lock(statement, statement);
      }
    }
  }

  void judge(const Update& update, int variable, const char* what) {
    int here = places_[update.store].statement;
    std::string text = fmt::format("{}: {}", variables_[static_cast<size_t>(variable)], what);
    if (update.with >= 0) text += " with " + variables_[static_cast<size_t>(update.with)];
    if (update.read_at != here) {
      const Statement& read = facts_.statements()[static_cast<size_t>(update.read_at)];
      text += read.line == facts_.statements()[static_cast<size_t>(here)].line
                  ? fmt::format(" from `{}`", trimmed(facts_.title(read)))
                  : fmt::format(" from line {}", read.line);
    }
    if (!update.lock.empty()) {
      text += fmt::format(": atomic by guarantee, if every access holds `{}`", update.lock);
    } else if (update.sites == kAllPresets) {
      text += ": not atomic under any preset";
    } else {
      text += fmt::format(": not atomic under {}; atomic by accident under {}", preset_names(update.sites),
                          preset_names(static_cast<PresetMask>(~update.sites & kAllPresets)));
    }
    say(update.store, std::move(text));
  }
  static std::string_view trimmed(std::string_view text) {
    return text.substr(std::min(text.find_first_not_of(" \t"), text.size()));
  }

  // A container that only this call of the function has, as far as its name tells.
  bool is_private(std::string_view receiver, uint32_t offset) const {
    auto is_container = [](ObjectKind kind) {
      return kind != ObjectKind::Unknown && kind != ObjectKind::Instance;
    };
    std::string name(receiver);
    if (is_container(facts_.kind_made_in(definition_, name, offset)) && is_local(name)) return true;
    if (!is_container(facts_.type_of(receiver, facts_.statements().front()).kind)) return false;
    uint32_t parameters = uint32_t(unit_.argument_count) + unit_.keyword_only_count +
                          ((unit_.flags & kCodeVarArgs) != 0) + ((unit_.flags & kCodeVarKeywords) != 0);
    for (uint32_t r = parameters; r < unit_.local_count; ++r)
      if (unit_.local_names[r] == receiver) return true;
    return false;
  }

  // What the name begins with is an object that this call of the function has made.
  bool is_own(std::string_view expression, uint32_t offset) const {
    std::string root(expression.substr(0, expression.find_first_of(".[(")));
    return facts_.is_made_in(definition_, root, offset) && is_local(root);
  }
  // No other function has it.
  bool is_local(const std::string& name) const {
    auto end = unit_.local_names.begin() + unit_.local_count;
    return variable_ids_.count("d" + name) == 0 && std::find(unit_.local_names.begin(), end, name) != end;
  }

  // One call of an atomic method, one store into a container.
  void judge_operation(uint32_t i) {
    const Step& step = steps_[i];
    if (places_[i].statement < 0) return;
    if (step.info->base == Op::CALL_METHOD) {
      std::string_view name = called(i, Op::LOAD_METHOD);
      for (const AtomicMethod& method : kAtomicMethods)
        if (name == method.name) judge_method(i, method);
    } else if (step.info->base == Op::STORE_SUBSCRIPT && step.store >= 0) {
      const std::string& text = variables_[static_cast<size_t>(step.store)];
      std::string_view receiver = receiver_of(text);
      ObjectKind kind = facts_.type_of(receiver, statement(i)).kind;
      std::pair<int, int> key{places_[i].statement, step.store};
      if (kind == ObjectKind::Instance || is_private(receiver, places_[i].offset) ||
          std::find(updated_.begin(), updated_.end(), key) != updated_.end())
        return;
      say(i, fmt::format(
                 "{} = ...: atomic by guarantee (one store into {}; PEP 703)", text,
                 kind == ObjectKind::Unknown ? "a list or dict" : fmt::format("the {}", kind_name(kind))));
    }
  }

  void judge_method(uint32_t i, const AtomicMethod& method) {
    std::string text = facts_.expression(places_[static_cast<size_t>(places_[i].callee)].position);
    std::string_view receiver = receiver_of(text);
    ObjectKind kind = receiver_type(i).kind;
    bool fits = std::find(method.kinds.begin(), method.kinds.end(), kind) != method.kinds.end();
    if (is_private(receiver, places_[i].offset) || (kind != ObjectKind::Unknown && !fits)) return;
    std::string condition;
    if (kind == ObjectKind::Unknown) {
      for (ObjectKind possible : method.kinds) {
        if (!condition.empty()) condition += possible == *(method.kinds.end() - 1) ? " or " : ", ";
        condition += kind_name(possible);
      }
      condition = fmt::format(" if {} is a {}", receiver, condition);
    }
    if (method.takes_container)
      condition += fmt::format("{} the argument is no iterator", condition.empty() ? " if" : " and");
    say(i, fmt::format("{}: atomic by guarantee{} (one call into C; PEP 703)", text, condition));
  }

  Report& report_;
  const SourceFacts& facts_;
  const CodeUnit& unit_;
  const bool is_module_;
  const int definition_;  // the statement that makes this function, -1: none
  std::vector<Step> steps_;
  std::vector<Place> places_;  // by step
  bool stores_slices_ = false;
  std::unordered_map<std::string, int> variable_ids_;
  std::vector<std::string> variables_;
  FlowResult flows_;
  std::vector<std::pair<int, int>> updated_;
};

void Report::add(const CodeUnit& unit, int definition, bool is_module) {
  UnitReport(*this, unit, definition, is_module).run();
}

std::string Report::text(uint32_t line) const {
  std::string out = " LINE";
  for (Semantics preset : kPresetList) out += fmt::format("  {}", semantics_info(preset).name);
  out += "  STATEMENT\n";
  bool found = false;
  for (size_t s = 0; s < rows_.size(); ++s) {
    const Statement& statement = facts_.statements()[s];
    const Row& row = rows_[s];
    if (!row.has_code) continue;
    if (line != 0 && !facts_.covers(statement, line)) continue;
    found = true;
    out += fmt::format("{:>5}", statement.line);
    // What only an exception leads to counts where nothing else is.
    bool handler = row.normal.sites[static_cast<size_t>(Semantics::EveryOp)] == 0;
    const Count& count = handler ? row.all : row.normal;
    for (Semantics preset : kPresetList) {
      std::string_view name = semantics_info(preset).name;
      std::string sites = preset != Semantics::Py313t
                              ? fmt::format("{}", count.sites[static_cast<size_t>(preset)])
                          : count.any || count.shared > 1 ? "any"
                                                          : "0";
      out += fmt::format("  {:>{}}", sites, name.size());
    }
    std::string title = facts_.title(statement);
    out += fmt::format("  {}\n", title);
    auto verdicts = row.verdicts;
    std::stable_sort(verdicts.begin(), verdicts.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    for (const auto& verdict : verdicts) out += fmt::format("       > {}\n", verdict.second);
  }
  if (!found) out += line == 0 ? "(no statement)\n" : fmt::format("(no statement on line {})\n", line);
  return out;
}

}  // namespace
}  // namespace atomicity

std::string describe_atomicity(const lang::Source& source, const lang::ModNode& module,
                               const lang::CodeUnit& unit, uint32_t line) {
  atomicity::Report report(source, module);
  report.add(unit, -1, true);
  return report.text(line);
}

}  // namespace mp
