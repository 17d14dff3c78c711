// Source is one decoded text: UTF-8, no BOM, newlines as \n, with its table of lines. It knows encodings and
// positions, not tokens.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lang/diagnostic.h"

namespace mp::lang {

struct Position {
  uint32_t line;    // 1-based
  uint32_t column;  // 0-based, in UTF-8 bytes (CPython's col_offset)
};

class Source {
 public:
  Source() = default;

  // A file's bytes: BOM, PEP 263 declaration, universal newlines. On failure the source is empty and `error`
  // says why.
  static Source from_bytes(std::string_view bytes, std::string filename, std::optional<Diagnostic>* error);
  // A str given to compile(): UTF-8 (lone surrogates as WTF-8); a declaration in it is ignored.
  static Source from_text(std::string_view utf8, std::string filename,
                          std::optional<Diagnostic>* error = nullptr);

  const std::string& text() const { return text_; }
  const std::string& filename() const { return filename_; }
  // Latin-1, "utf-8", ...: as normalised by tokenize.detect_encoding.
  const std::string& encoding() const { return encoding_; }
  bool empty() const { return text_.empty(); }

  uint32_t line_count() const { return static_cast<uint32_t>(line_starts_.size()); }
  Position position(uint32_t offset) const;
  uint32_t line_of(uint32_t offset) const { return position(offset).line; }
  // Offset of the first byte of a 1-based line; beyond the last line, the end of the text.
  uint32_t line_start(uint32_t line) const;
  // The bytes of a 1-based line without its newline.
  std::string_view line_text(uint32_t line) const;
  // 0-based column in characters (code points).
  uint32_t character_column(uint32_t offset) const;

  // Fills line, offset, end_line, end_offset, text and filename from the span.
  Diagnostic diagnose(DiagnosticKind kind, std::string message, Span span) const;

 private:
  struct Hint : std::atomic<uint32_t> {
    Hint() : std::atomic<uint32_t>(0) {}
    Hint(const Hint&) : Hint() {}
    Hint& operator=(const Hint&) {
      store(0, std::memory_order_relaxed);
      return *this;
    }
  };
  void index_lines();

  std::string text_;
  std::string filename_;
  std::string encoding_ = "utf-8";
  std::vector<uint32_t> line_starts_;
  // A hint: positions are asked for in ascending order mostly. Relaxed, so that threads may share a source.
  mutable Hint last_line_;
};

}  // namespace mp::lang
