// The text of exceptions: stacks with recursion folded, chains, groups, notes, syntax errors.
#include <cstdio>
#include <set>

#include "vm/exec/frame.h"
#include "vm/types/number.h"
#include "vm/types/traceback_internal.h"

namespace mp {

namespace {
struct RegisteredSources {
  std::mutex mutex;
  std::map<std::string, std::string> text;
};
const char kSourcesTag = 0;
constexpr int kMaxGroupWidth = 15;
constexpr int kMaxGroupDepth = 10;
constexpr int kRepeatsShown = 3;
}  // namespace

void register_source(Thread& t, const std::string& filename, const std::string& text) {
  auto& sources = t.runtime().state<RegisteredSources>(&kSourcesTag);
  std::lock_guard<std::mutex> guard(sources.mutex);
  sources.text[filename] = text;
}

std::string registered_source(Thread& t, const std::string& filename) {
  auto& sources = t.runtime().state<RegisteredSources>(&kSourcesTag);
  std::lock_guard<std::mutex> guard(sources.mutex);
  auto found = sources.text.find(filename);
  return found != sources.text.end() ? found->second : std::string();
}

const std::string& SourceLines::line(const std::string& filename, int32_t number) {
  static const std::string kNothing;
  auto found = files_.find(filename);
  if (found == files_.end()) {
    std::string text = registered_source(thread_, filename);
    if (text.empty() && !filename.empty() && filename[0] != '<') {
      if (FILE* file = std::fopen(filename.c_str(), "rb")) {
        char buffer[8192];
        size_t n;
        while ((n = std::fread(buffer, 1, sizeof buffer, file)) > 0) text.append(buffer, n);
        std::fclose(file);
      }
    }
    std::vector<std::string> lines;
    size_t start = 0;
    if (text.compare(0, 3, "\xEF\xBB\xBF") == 0) start = 3;
    while (start < text.size()) {
      size_t end = text.find('\n', start);
      if (end == std::string::npos) end = text.size();
      std::string one = text.substr(start, end - start);
      if (!one.empty() && one.back() == '\r') one.pop_back();
      lines.push_back(std::move(one));
      start = end + 1;
    }
    found = files_.emplace(filename, std::move(lines)).first;
  }
  if (number < 1 || static_cast<size_t>(number) > found->second.size()) return kNothing;
  return found->second[static_cast<size_t>(number) - 1];
}

namespace {

// The colours of CPython 3.13's tracebacks; all empty without colour.
struct Palette {
  const char *place = "", *type = "", *strong = "", *weak = "", *reset = "";
};
constexpr Palette kNoColour;
constexpr Palette kColours = {"\x1b[35m", "\x1b[1;35m", "\x1b[1;31m", "\x1b[31m", "\x1b[0m"};

// A line of source and the carets below it: what stands above '^' is strong, above '~' weak.
void colour_pair(const Palette& palette, std::string_view source, std::string_view carets, std::string& out) {
  std::string above, below;
  size_t at = 0, column = 0;
  while (at < source.size() || column < carets.size()) {
    char kind = column < carets.size() ? carets[column] : ' ';
    const char* colour = kind == '^' ? palette.strong : kind == '~' ? palette.weak : "";
    const char* reset = *colour != '\0' ? palette.reset : "";
    above += colour;
    below += colour;
    while (at < source.size() || column < carets.size()) {
      if ((column < carets.size() ? carets[column] : ' ') != kind) break;
      if (column < carets.size()) below += carets[column];
      ++column;
      if (at < source.size()) above += source[at++];
      while (at < source.size() && (static_cast<unsigned char>(source[at]) & 0xC0) == 0x80)
        above += source[at++];
    }
    above += reset;
    below += reset;
  }
  out += above + "\n" + below + "\n";
}

// The text of format_source() with colours.
std::string colour_source(const Palette& palette, const std::string& text) {
  if (*palette.reset == '\0') return text;
  std::vector<std::string_view> lines;
  for (size_t begin = 0; begin < text.size();) {
    size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(std::string_view(text).substr(begin, end - begin));
    begin = end + 1;
  }
  std::string out;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i + 1 < lines.size() && lines[i + 1].find_first_not_of(" ^~") == std::string_view::npos &&
        lines[i + 1].find_first_of("^~") != std::string_view::npos) {
      colour_pair(palette, lines[i], lines[i + 1], out);
      ++i;
    } else {
      out.append(lines[i]) += '\n';
    }
  }
  return out;
}

// Statements of the prompt have names of their own, "<stdin>-3", so that each keeps its source; shown is
// "<stdin>".
std::string shown_file(const std::string& file) { return file.starts_with("<stdin>-") ? "<stdin>" : file; }

enum class Carets { Shown, Hidden };

class Printer {
 public:
  explicit Printer(Thread& t, bool colour = false, Carets carets = Carets::Shown)
      : thread_(t), sources_(t), palette_(colour ? kColours : kNoColour), carets_(carets) {}

  void exception(Value e) {
    struct Link {
      const char* message;
      Value exception;
    };
    std::vector<const char*> messages;
    RootVector chain(thread_);
    const char* message = nullptr;
    while (!e.is_empty() && !e.is_none()) {
      if (!seen_.insert(e.as_object()).second) break;
      chain.push_back(e);
      messages.push_back(message);
      auto* object = e.as<ExceptionObject>();
      Value cause = object->cause, context = object->context;
      if (!cause.is_empty() && !cause.is_none()) {
        if (seen_.count(cause.as_object()) != 0) break;
        message = "\nThe above exception was the direct cause of the following exception:\n\n";
        e = cause;
      } else if (!object->suppress_context && !context.is_empty() && !context.is_none()) {
        if (seen_.count(context.as_object()) != 0) break;
        message = "\nDuring handling of the above exception, another exception occurred:\n\n";
        e = context;
      } else {
        break;
      }
    }
    for (size_t i = chain.size(); i-- > 0;) {
      one(chain[i]);
      if (messages[i] != nullptr) emit(messages[i]);
    }
  }

  std::string take() { return std::move(out_); }

  void stack(Value traceback) {
    std::string last_file, last_name;
    int32_t last_line = -2;
    int count = 0;
    auto flush = [&] {
      if (count > kRepeatsShown) {
        int more = count - kRepeatsShown;
        emit(fmt::format("  [Previous line repeated {} more time{}]\n", more, more > 1 ? "s" : ""));
      }
    };
    size_t skip = limit_skip(traceback);
    for (Value each = traceback; is_kind(each, Kind::Traceback); each = each.as<TracebackObject>()->next) {
      if (skip > 0) {
        --skip;
        continue;
      }
      auto* tb = each.as<TracebackObject>();
      if (!is_kind(tb->frame, Kind::Frame)) continue;
      CodeObject* code = frame_code(tb->frame.get().as<FrameObject>());
      std::string file = is_str(code->filename) ? to_utf8(code->filename.get().as<StrObject>()) : "?";
      std::string name = is_str(code->name) ? to_utf8(code->name.get().as<StrObject>()) : "?";
      int32_t line = traceback_line(tb);
      if (file == last_file && line == last_line && name == last_name) {
        ++count;
        if (count > kRepeatsShown) continue;
      } else {
        flush();
        last_file = file;
        last_name = name;
        last_line = line;
        count = 1;
      }
      lang::CodePosition position;
      position.line = line;
      // CPython's C code shows lines of files only.
      const bool text_known = carets_ == Carets::Shown || !file.starts_with('<');
      if (tb->last_instruction >= 0 && carets_ == Carets::Shown)
        position = code_position(code, static_cast<uint32_t>(tb->last_instruction) / 2);
      const Palette& p = palette_;
      emit(fmt::format("  File {}\"{}\"{}, line {}{}{}, in {}{}{}\n{}", p.place, shown_file(file), p.reset,
                       p.place, line, p.reset, p.place, name, p.reset,
                       text_known ? colour_source(p, format_source(sources_, file, line, position)) : ""));
    }
    flush();
  }

  void exception_only(Value e) {
    Thread& t = thread_;
    Type* type = e.as_object()->type();
    std::string name = to_utf8(type->qualified_name);
    Value module = type->module;
    if (is_str(module)) {
      std::string text = to_utf8(module.as<StrObject>());
      if (text != "__main__" && text != "builtins") name = text + "." + name;
    } else if (type->has(kTypeHeap)) {
      name = "<unknown>." + name;
    }
    if (is_exception_of(t, e, Exc::SyntaxError)) {
      syntax_error(e, name);
    } else {
      std::string text;
      auto shown = str(t, e);
      if (shown.is_error()) {
        t.clear_exception();
        text = "<exception str() failed>";
      } else {
        text = to_utf8(shown.value().as<StrObject>());
        text += suggestion_for(t, e);
      }
      // CPython's C code writes a colon whatever follows.
      if (carets_ == Carets::Hidden && text.empty()) name += ": ";
      last_line(name, text);
    }
    if (carets_ == Carets::Shown) notes(e);
  }

 private:
  // sys.tracebacklimit: only the last entries.
  size_t limit_skip(Value traceback) {
    Thread& t = thread_;
    if (t.runtime().sys_module == nullptr) return 0;
    Value limit = dict_get_text(t, t.runtime().sys_module->dict, "tracebacklimit");
    if (!limit.is_int()) return 0;
    size_t depth = 0;
    for (Value each = traceback; is_kind(each, Kind::Traceback); each = each.as<TracebackObject>()->next)
      ++depth;
    int64_t most = limit.as_int() < 0 ? 0 : limit.as_int();
    return depth > static_cast<size_t>(most) ? depth - static_cast<size_t>(most) : 0;
  }

  void one(Value e) {
    auto* object = e.as<ExceptionObject>();
    Value traceback = object->traceback;
    bool has_stack = is_kind(traceback, Kind::Traceback) && limit_allows();
    if (!is_exception_of(thread_, e, Exc::BaseExceptionGroup) ||
        !is_tuple(object->fields[kGroupExceptions])) {
      if (has_stack) {
        emit("Traceback (most recent call last):\n");
        stack(traceback);
      }
      exception_only(e);
      return;
    }
    if (depth_ > kMaxGroupDepth) {
      emit(fmt::format("... (max_group_depth is {})\n", kMaxGroupDepth));
      return;
    }
    bool top = depth_ == 0;
    if (top) ++depth_;
    if (has_stack) {
      emit("Exception Group Traceback (most recent call last):\n", top ? '+' : '|');
      stack(traceback);
    }
    exception_only(e);
    auto* members = object->fields[kGroupExceptions].get().as<TupleObject>();
    size_t count = members->size, shown = count <= kMaxGroupWidth ? count : kMaxGroupWidth + 1;
    need_close_ = false;
    for (size_t i = 0; i < shown; ++i) {
      bool last = i + 1 == shown;
      if (last) need_close_ = true;
      bool truncated = i >= kMaxGroupWidth;
      out_ += indent() + (i == 0 ? "+-" : "  ") + "+---------------- " +
              (truncated ? "..." : std::to_string(i + 1)) + " ----------------\n";
      ++depth_;
      if (truncated) {
        size_t more = count - kMaxGroupWidth;
        emit(fmt::format("and {} more exception{}\n", more, more > 1 ? "s" : ""));
      } else {
        exception((*members)[i]);
      }
      if (last && need_close_) {
        out_ += indent() + "+------------------------------------\n";
        need_close_ = false;
      }
      --depth_;
    }
    if (top) depth_ = 0;
  }

  bool limit_allows() {
    Thread& t = thread_;
    if (t.runtime().sys_module == nullptr) return true;
    Value limit = dict_get_text(t, t.runtime().sys_module->dict, "tracebacklimit");
    return !limit.is_int() || limit.as_int() > 0;
  }

  void notes(Value e) {
    Thread& t = thread_;
    auto found = get_attr_or_not_found(t, e, t.names().__notes__);
    if (found.is_error()) {
      Value failed = t.take_exception();
      emit(fmt::format("Ignored error getting __notes__: {}\n", repr_text(t, failed)));
      return;
    }
    Value list = found.value();
    if (list.is_not_found() || list.is_none()) return;
    if (!is_list(list) && !is_tuple(list)) {
      emit(repr_text(t, list) + "\n");
      return;
    }
    auto items = to_tuple(t, list);
    if (items.is_error()) return t.clear_exception();
    auto* tuple = items.value().as<TupleObject>();
    for (size_t i = 0; i < tuple->size; ++i) {
      auto text = str(t, (*tuple)[i]);
      std::string note;
      if (text.is_error()) {
        t.clear_exception();
        note = "<note str() failed>";
      } else {
        note = to_utf8(text.value().as<StrObject>());
      }
      emit(note + "\n");
    }
  }

  void syntax_error(Value e, const std::string& type) {
    Thread& t = thread_;
    auto* o = e.as<ExceptionObject>();
    Value line = o->fields[kSyntaxLine], file = o->fields[kSyntaxFilename], text = o->fields[kSyntaxText];
    std::string suffix;
    if (!line.is_empty() && !line.is_none())
      emit(fmt::format("  File {0}\"{2}\"{1}, line {0}{3}{1}\n", palette_.place, palette_.reset,
                       is_str(file) ? shown_file(to_utf8(file.as<StrObject>())) : "<string>",
                       str_text(t, line)));
    else if (is_str(file))
      suffix = " (" + to_utf8(file.as<StrObject>()) + ")";
    if (is_str(text)) {
      StrBuilder builder(t);
      auto* source = text.as<StrObject>();
      size_t length = source->length();
      while (length > 0 && source->at(length - 1) == '\n') --length;
      size_t spaces = 0;
      while (spaces < length &&
             (source->at(spaces) == ' ' || source->at(spaces) == '\n' || source->at(spaces) == '\f'))
        ++spaces;
      builder.append(source, spaces, length);
      auto stripped = builder.finish();
      if (stripped.is_error()) return t.clear_exception();
      std::string source_line = "    " + to_utf8(stripped.value().as<StrObject>()), caret_line;
      int64_t offset = 0, end = 0, number = 0, end_number = -1;
      Value offset_value = o->fields[kSyntaxOffset];
      if (is_any_int(offset_value) && is_any_int(line)) {
        int_to_int64(offset_value, &offset);
        int_to_int64(line, &number);
        if (is_any_int(o->fields[kSyntaxEndLine])) int_to_int64(o->fields[kSyntaxEndLine], &end_number);
        if (is_any_int(o->fields[kSyntaxEndOffset])) int_to_int64(o->fields[kSyntaxEndOffset], &end);
        if (end_number == number || end_number < 0)
          end = end != 0 ? end : offset;
        else
          end = static_cast<int64_t>(length) + 1;
        if (offset > static_cast<int64_t>(source->length()))
          offset = static_cast<int64_t>(source->length()) + 1;
        if (offset == end || end == -1) end = offset + 1;
        int64_t column = offset - 1 - static_cast<int64_t>(spaces),
                end_column = end - 1 - static_cast<int64_t>(spaces);
        if (column >= 0) {
          caret_line = "    ";
          auto* shown = stripped.value().as<StrObject>();
          for (int64_t i = 0; i < column; ++i) {
            uint32_t c = static_cast<size_t>(i) < shown->length() ? shown->at(static_cast<size_t>(i)) : ' ';
            if (static_cast<size_t>(i) < shown->length()) caret_line += c == '\t' ? '\t' : ' ';
          }
          for (int64_t i = column; i < end_column; ++i) caret_line += '^';
        }
      }
      std::string both;
      if (!caret_line.empty() && *palette_.reset != '\0')
        colour_pair(palette_, source_line, caret_line, both);
      else
        both = source_line + "\n" + (caret_line.empty() ? "" : caret_line + "\n");
      emit(both);
    }
    Value msg = o->fields[kSyntaxMsg];
    std::string shown = msg.is_empty() || msg.is_none() ? "<no detail available>" : str_text(t, msg);
    last_line(type, shown, suffix);
  }

  void last_line(const std::string& type, const std::string& text, const std::string& suffix = "") {
    const Palette& p = palette_;
    std::string line = p.type + type + p.reset;
    if (!text.empty()) line += std::string(": ") + p.place + text + p.reset;
    emit(line + suffix + "\n");
  }
  std::string indent() const { return std::string(static_cast<size_t>(2 * depth_), ' '); }

  void emit(const std::string& text, char margin = '|') {
    if (depth_ == 0) {
      out_ += text;
      return;
    }
    std::string prefix = indent() + margin + ' ';
    size_t start = 0;
    while (start < text.size()) {
      size_t end = text.find('\n', start);
      if (end == std::string::npos) end = text.size() - 1;
      out_ += prefix;
      out_.append(text, start, end - start + 1);
      start = end + 1;
    }
  }

  Thread& thread_;
  SourceLines sources_;
  const Palette& palette_;
  const Carets carets_;
  std::set<Object*> seen_;
  std::string out_;
  int depth_ = 0;
  bool need_close_ = false;
};

}  // namespace

Result<Value> format_exception(Thread& t, Value exception, bool colour) {
  Value saved = t.take_exception();
  Printer printer(t, colour);
  printer.exception(exception);
  t.restore_exception(saved);
  return make_str(t, printer.take());
}

// As CPython's own C code prints them, for exceptions that are ignored: without carets and notes.
std::string format_exception_only(Thread& t, Value exception) {
  Printer printer(t, false, Carets::Hidden);
  printer.exception_only(exception);
  return printer.take();
}
std::string format_traceback(Thread& t, Value traceback) {
  Printer printer(t, false, Carets::Hidden);
  printer.stack(traceback);
  return printer.take();
}

}  // namespace mp
