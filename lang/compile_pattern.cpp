// match statements. A pattern tests a subject in a register and leaves what it captures in registers; the
// names are stored when the whole pattern has matched.
#include <fmt/format.h>

#include <algorithm>

#include "lang/compiler.h"
#include "lang/disassembler.h"

namespace mp::lang {

namespace {

bool is_wildcard(const PatternNode* node) {
  auto* as = ast_cast<MatchAs>(node);
  return as != nullptr && as->pattern == nullptr && !as->name;
}

bool is_wildcard_star(const PatternNode* node) {
  auto* star = ast_cast<MatchStar>(node);
  return star != nullptr && !star->name;
}

// As == of the values: 0, False, 0.0 and 0j are one key.
bool equal_keys(const CodeConstant& a, const CodeConstant& b) {
  using Kind = CodeConstant::Kind;
  auto number = [](const CodeConstant& c, double* real, double* imaginary) {
    *imaginary = 0;
    switch (c.kind) {
      case Kind::False:
      case Kind::True: *real = c.kind == Kind::True; return true;
      case Kind::Int: *real = static_cast<double>(c.integer); return true;
      case Kind::Float: *real = c.real; return true;
      case Kind::Complex:
        *real = c.real;
        *imaginary = c.imaginary;
        return true;
      default: return false;
    }
  };
  if (a.kind == b.kind && a.kind != Kind::Float && a.kind != Kind::Complex) return a == b;
  double x, y, u, v;
  return number(a, &x, &u) && number(b, &y, &v) && x == y && u == v;
}

}  // namespace

void Compiler::match_statement(const Match& node) {
  Emitter& emitter = out();
  Reg mark = emitter.top();
  Reg subject = operand(node.subject);
  // A capture may rebind the subject's own name while later cases still need the value.
  if (!emitter.is_temporary(subject)) {
    Reg copy = emitter.push();
    emitter.move(copy, subject);
    subject = copy;
  }
  Label end = emitter.new_label();
  for (size_t i = 0; i < node.cases.size(); ++i) {
    const MatchCase* clause = node.cases[i];
    Reg case_mark = emitter.top();
    PatternContext context;
    context.fail = emitter.new_label();
    // Only the last case, or one with a guard, may always match.
    context.allow_irrefutable = clause->guard != nullptr || i + 1 == node.cases.size();
    emitter.set_span(clause->pattern->span);
    if (is_wildcard(clause->pattern)) emitter.mark_line();  // `case _:` has a line
    pattern(clause->pattern, subject, context);
    for (const PatternContext::Capture& each : context.captures) {
      store_name(each.name, clause->pattern->span, each.reg);
    }
    emitter.release_to(case_mark);
    if (clause->guard != nullptr) jump_if(clause->guard, context.fail, false);
    statements(clause->body);
    emitter.set_span({});
    emitter.jump(Op::JUMP, end);
    emitter.bind(context.fail);
    emitter.release_to(case_mark);
  }
  emitter.release_to(mark);
  emitter.bind(end);
}

void Compiler::capture(Identifier name, Reg reg, PatternContext& context, Span span) {
  forbid_debug(name, "assign to", span);
  for (const PatternContext::Capture& each : context.captures) {
    if (each.name == name)
      fail_syntax(fmt::format("multiple assignments to name '{}' in pattern", name.view()), span);
  }
  context.captures.push_back({name, reg});
}

void Compiler::pattern(const PatternNode* node, Reg subject, PatternContext& context) {
  DepthGuard guard(*this, node->span);
  Emitter& emitter = out();
  emitter.set_span(node->span);
  switch (node->kind) {
    case NodeKind::MatchValue: {
      const ExprNode* value = ast_as<MatchValue>(node).value;
      Reg mark = emitter.top();
      jump_compare(CompareOperator::Eq, subject, value, -1, context.fail, false, node->span);
      emitter.release_to(mark);
      break;
    }
    case NodeKind::MatchSingleton: {
      CodeConstant constant = literal_constant(ast_as<MatchSingleton>(node).value);
      if (constant.kind == CodeConstant::Kind::None) {
        emitter.jump(Op::JUMP_IF_NOT_NONE, context.fail, subject);
        break;
      }
      Reg value = emitter.push();
      load_constant(constant, value);
      emitter.jump(Op::JUMP_IF_IS, context.fail, subject, value, 0);
      emitter.release_to(value);
      break;
    }
    case NodeKind::MatchSequence: pattern_sequence(ast_as<MatchSequence>(node), subject, context); break;
    case NodeKind::MatchMapping: pattern_mapping(ast_as<MatchMapping>(node), subject, context); break;
    case NodeKind::MatchClass: pattern_class(ast_as<MatchClass>(node), subject, context); break;
    case NodeKind::MatchStar:
      // Inside a sequence; the rest is a list already.
      if (ast_as<MatchStar>(node).name) capture(ast_as<MatchStar>(node).name, subject, context, node->span);
      break;
    case NodeKind::MatchAs: pattern_as(ast_as<MatchAs>(node), subject, context); break;
    case NodeKind::MatchOr: pattern_or(ast_as<MatchOr>(node), subject, context); break;
    default: fail_syntax("unexpected pattern", node->span);
  }
}

void Compiler::pattern_subpattern(const PatternNode* node, Reg subject, PatternContext& context) {
  bool old = context.allow_irrefutable;
  context.allow_irrefutable = true;
  pattern(node, subject, context);
  context.allow_irrefutable = old;
}

void Compiler::pattern_as(const MatchAs& node, Reg subject, PatternContext& context) {
  if (node.pattern == nullptr) {
    if (!context.allow_irrefutable) {
      if (node.name) {
        fail_syntax(fmt::format("name capture '{}' makes remaining patterns unreachable", node.name.view()),
                    node.span);
      }
      fail_syntax("wildcard makes remaining patterns unreachable", node.span);
    }
    if (node.name) capture(node.name, subject, context, node.span);
    return;
  }
  pattern(node.pattern, subject, context);
  capture(node.name, subject, context, node.span);
}

void Compiler::pattern_sequence(const MatchSequence& node, Reg subject, PatternContext& context) {
  Emitter& emitter = out();
  size_t size = node.patterns.size();
  size_t star = size;
  bool only_wildcard = true, star_wildcard = false;
  for (size_t i = 0; i < size; ++i) {
    const PatternNode* each = node.patterns[i];
    if (each->kind == NodeKind::MatchStar) {
      if (star != size) fail_syntax("multiple starred names in sequence pattern", node.span);
      star = i;
      star_wildcard = is_wildcard_star(each);
      only_wildcard &= star_wildcard;
      continue;
    }
    only_wildcard &= is_wildcard(each);
  }
  Reg test = emitter.push();
  emitter.set_span(node.span);
  emitter.emit(Op::MATCH_SEQUENCE, test, subject);
  emitter.jump(Op::JUMP_IF_FALSE, context.fail, test);
  if (star == size || size > 1) {
    emitter.emit(Op::GET_LEN, test, subject);
    Reg wanted = emitter.push();
    size_t needed = star == size ? size : size - 1;
    if (needed <= INT16_MAX) {
      emitter.jump(star == size ? Op::JUMP_IF_EQ_IMM : Op::JUMP_IF_GE_IMM, context.fail, test,
                   static_cast<Reg>(needed), 0);
    } else {
      load_constant(int_constant(static_cast<int64_t>(needed)), wanted);
      emitter.jump(star == size ? Op::JUMP_IF_EQ : Op::JUMP_IF_GE, context.fail, test, wanted, 0);
    }
    emitter.release_to(wanted);
  }
  emitter.release_to(test);
  if (only_wildcard) return;
  if (star_wildcard) {
    // Only items at both ends are looked at: subject[i].
    for (size_t i = 0; i < size; ++i) {
      const PatternNode* each = node.patterns[i];
      if (i == star || is_wildcard(each)) continue;
      Reg item = emitter.push();
      emitter.set_span(each->span);
      if (i < star && i <= INT16_MAX) {
        emitter.emit(Op::SUBSCRIPT_IMM, item, subject, static_cast<Reg>(i));
        pattern_subpattern(each, item, context);
        continue;
      }
      Reg key = emitter.push();
      if (i < star) {
        load_constant(int_constant(static_cast<int64_t>(i)), key);
      } else {
        emitter.emit(Op::GET_LEN, key, subject);
        size_t back = size - i;
        if (back <= INT16_MAX) {
          emitter.emit(Op::SUB_IMM, key, key, static_cast<Reg>(back));
        } else {
          Reg amount = emitter.push();
          load_constant(int_constant(static_cast<int64_t>(back)), amount);
          emitter.emit(Op::SUB, key, key, amount);
        }
      }
      emitter.emit(Op::SUBSCRIPT, item, subject, key);
      emitter.release_to(item + 1);
      pattern_subpattern(each, item, context);
    }
    return;
  }
  Reg first = emitter.push(static_cast<int>(size));
  if (star != size) {
    if (star >= 256 || size - star - 1 >= 256) {
      fail_syntax("too many expressions in star-unpacking sequence pattern", node.span);
    }
    emitter.emit(Op::UNPACK_EX, first, subject, static_cast<Reg>(star), static_cast<int>(size - star - 1));
  } else {
    emitter.emit(Op::UNPACK, first, subject, static_cast<Reg>(size));
  }
  for (size_t i = 0; i < size; ++i)
    pattern_subpattern(node.patterns[i], first + static_cast<Reg>(i), context);
}

void Compiler::pattern_mapping(const MatchMapping& node, Reg subject, PatternContext& context) {
  Emitter& emitter = out();
  size_t size = node.keys.size();
  Reg test = emitter.push();
  emitter.set_span(node.span);
  emitter.emit(Op::MATCH_MAPPING, test, subject);
  emitter.jump(Op::JUMP_IF_FALSE, context.fail, test);
  if (size == 0) {
    emitter.release_to(test);
    if (!node.rest) return;
  }
  if (size > 0) {
    emitter.emit(Op::GET_LEN, test, subject);
    if (size > INT16_MAX) fail_syntax("too many sub-patterns in mapping pattern", node.span);
    emitter.jump(Op::JUMP_IF_GE_IMM, context.fail, test, static_cast<Reg>(size), 0);
  }
  emitter.release_to(test);
  Reg keys = emitter.push();
  // The keys: literals or dotted names.
  std::vector<CodeConstant> seen;
  Reg run = emitter.push(static_cast<int>(size));
  for (size_t i = 0; i < size; ++i) {
    const ExprNode* key = node.keys[i];
    CodeConstant constant;
    if (fold(key, &constant)) {
      if (std::any_of(seen.begin(), seen.end(),
                      [&](const CodeConstant& c) { return equal_keys(c, constant); })) {
        fail_syntax(fmt::format("mapping pattern checks duplicate key ({})", code_constant_repr(constant)),
                    node.span);
      }
      seen.push_back(constant);
    } else if (key->kind != NodeKind::Attribute && key->kind != NodeKind::Constant) {
      fail_syntax("mapping pattern keys may only match literals and attribute lookups", node.span);
    }
    into(key, run + static_cast<Reg>(i));
  }
  emitter.set_span(node.span);
  emitter.emit(Op::BUILD_TUPLE, keys, run, static_cast<Reg>(size));
  emitter.release_to(run);
  if (size > 0) {
    Reg values = emitter.push();
    emitter.emit(Op::MATCH_KEYS, values, subject, keys);
    emitter.jump(Op::JUMP_IF_NONE, context.fail, values);
    Reg first = emitter.push(static_cast<int>(size));
    emitter.emit(Op::UNPACK, first, values, static_cast<Reg>(size));
    for (size_t i = 0; i < size; ++i)
      pattern_subpattern(node.patterns[i], first + static_cast<Reg>(i), context);
  }
  if (node.rest) {
    Reg rest = emitter.push();
    emitter.set_span(node.span);
    emitter.emit(Op::MATCH_REST, rest, subject, keys);
    capture(node.rest, rest, context, node.span);
  }
}

void Compiler::pattern_class(const MatchClass& node, Reg subject, PatternContext& context) {
  Emitter& emitter = out();
  size_t positional = node.patterns.size(), named = node.kwd_attrs.size();
  for (size_t i = 0; i < named; ++i) {
    forbid_debug(node.kwd_attrs[i], "assign to", node.kwd_patterns[i]->span);
    for (size_t k = i + 1; k < named; ++k) {
      if (node.kwd_attrs[i] == node.kwd_attrs[k]) {
        fail_syntax(fmt::format("attribute name repeated in class pattern: {}", node.kwd_attrs[i].view()),
                    node.kwd_patterns[k]->span);
      }
    }
  }
  if (positional + named > 60000) fail_syntax("too many sub-patterns in class pattern", node.span);
  Reg run = emitter.push(3);
  emitter.set_span(node.span);
  emitter.move(run, subject);
  into(node.cls, run + 1);
  CodeConstant names;
  names.kind = CodeConstant::Kind::Tuple;
  for (Identifier each : node.kwd_attrs) names.items.push_back(string_constant(each.view()));
  emitter.set_span(node.span);
  load_constant(names, run + 2);
  emitter.emit(Op::MATCH_CLASS, run, run, static_cast<Reg>(positional));
  emitter.jump(Op::JUMP_IF_NONE, context.fail, run);
  emitter.release_to(run + 1);
  size_t total = positional + named;
  if (total == 0) return;
  Reg first = emitter.push(static_cast<int>(total));
  emitter.emit(Op::UNPACK, first, run, static_cast<Reg>(total));
  for (size_t i = 0; i < total; ++i) {
    const PatternNode* each = i < positional ? node.patterns[i] : node.kwd_patterns[i - positional];
    pattern_subpattern(each, first + static_cast<Reg>(i), context);
  }
}

// Every alternative binds the same names; each name has one register that all of them fill.
void Compiler::pattern_or(const MatchOr& node, Reg subject, PatternContext& context) {
  Emitter& emitter = out();
  Label matched = emitter.new_label();
  std::vector<PatternContext::Capture> slots;
  size_t count = node.patterns.size();
  Reg first_slot = -1;
  std::vector<PatternContext::Capture> outer = context.captures;
  for (size_t i = 0; i < count; ++i) {
    const PatternNode* each = node.patterns[i];
    PatternContext inner;
    inner.fail = emitter.new_label();
    inner.allow_irrefutable = context.allow_irrefutable && i + 1 == count;
    Reg mark = emitter.top();
    if (i == 0) {
      // The slots lie below what the alternatives use: one for every name in the first pattern.
      std::vector<const PatternNode*> work{each};
      size_t names = 0;
      while (!work.empty()) {
        const PatternNode* at = work.back();
        work.pop_back();
        switch (at->kind) {
          case NodeKind::MatchAs:
            names += static_cast<bool>(ast_as<MatchAs>(at).name);
            if (ast_as<MatchAs>(at).pattern != nullptr) work.push_back(ast_as<MatchAs>(at).pattern);
            break;
          case NodeKind::MatchStar: ++names; break;
          case NodeKind::MatchSequence:
            for (PatternNode* sub : ast_as<MatchSequence>(at).patterns) work.push_back(sub);
            break;
          case NodeKind::MatchMapping:
            names += static_cast<bool>(ast_as<MatchMapping>(at).rest);
            for (PatternNode* sub : ast_as<MatchMapping>(at).patterns) work.push_back(sub);
            break;
          case NodeKind::MatchClass:
            for (PatternNode* sub : ast_as<MatchClass>(at).patterns) work.push_back(sub);
            for (PatternNode* sub : ast_as<MatchClass>(at).kwd_patterns) work.push_back(sub);
            break;
          case NodeKind::MatchOr:
            if (!ast_as<MatchOr>(at).patterns.empty()) work.push_back(ast_as<MatchOr>(at).patterns[0]);
            break;
          default: break;
        }
      }
      if (names != 0) first_slot = emitter.push(static_cast<int>(names));
      mark = emitter.top();
    }
    emitter.set_span(each->span);
    pattern(each, subject, inner);
    if (i == 0) {
      for (size_t k = 0; k < inner.captures.size(); ++k) {
        slots.push_back({inner.captures[k].name, first_slot + static_cast<Reg>(k)});
      }
    }
    bool same = inner.captures.size() == slots.size();
    for (const PatternContext::Capture& slot : slots) {
      auto it = std::find_if(inner.captures.begin(), inner.captures.end(),
                             [&](const PatternContext::Capture& c) { return c.name == slot.name; });
      if (it == inner.captures.end()) {
        same = false;
        break;
      }
      emitter.move(slot.reg, it->reg);
    }
    if (!same) fail_syntax("alternative patterns bind different names", node.span);
    emitter.jump(Op::JUMP, matched);
    emitter.bind(inner.fail);
    emitter.release_to(mark);
  }
  emitter.set_span(node.span);
  emitter.jump(Op::JUMP, context.fail);
  emitter.bind(matched);
  for (const PatternContext::Capture& slot : slots) capture(slot.name, slot.reg, context, node.span);
}

}  // namespace mp::lang
