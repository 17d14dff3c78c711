// Diagnostic says what is wrong with a source text and where. It knows no exceptions and prints nothing.
#pragma once

#include <cstdint>
#include <string>

namespace mp::lang {

// Byte offsets into Source::text().
struct Span {
  uint32_t begin = 0;
  uint32_t end = 0;
};

enum class DiagnosticKind : uint8_t {
  SyntaxError,
  IndentationError,
  TabError,
  // compile() raises these as plain exceptions: no position.
  ValueError,
  RecursionError,
  MemoryError,
  // Warnings.
  SyntaxWarning,
  DeprecationWarning,
};

const char* diagnostic_kind_name(DiagnosticKind kind);

struct Diagnostic {
  DiagnosticKind kind = DiagnosticKind::SyntaxError;
  std::string message;  // CPython 3.13's wording, without the kind
  std::string filename;
  // SyntaxError's attributes: line 1-based, offset in characters 1-based; 0 where CPython says None or 0.
  // end_line 0 means absent; end_offset -1 and 0 have CPython's meaning "no end".
  int line = 0;
  int offset = 0;
  int end_line = 0;
  int end_offset = 0;
  bool has_text = false;
  std::string text;  // the source line(s), newline included where there is one
  Span span;
};

// What the front end's doors make of std::bad_alloc: a source may be of any size.
inline Diagnostic out_of_memory() {
  Diagnostic diagnostic;
  diagnostic.kind = DiagnosticKind::MemoryError;
  return diagnostic;
}

}  // namespace mp::lang
