// LineReader: where the prompt's lines come from. On a terminal they are edited, completed and remembered
// (libedit, where it is installed); from a pipe they are just read. It knows nothing of statements.
#pragma once
#include <string>

#include "vm/threads/thread.h"

namespace mp {

class LineReader {
 public:
  enum class Outcome { Line, End, Interrupted };

  explicit LineReader(Thread& t);
  ~LineReader();  // writes the history
  LineReader(const LineReader&) = delete;
  // Other threads run meanwhile. Interrupted: a signal wants Thread::poll().
  Outcome read(const std::string& prompt, std::string* line);
  void remember(const std::string& line);

 private:
  Outcome read_edited(const std::string& prompt, std::string* line);
  Outcome read_plain(const std::string& prompt, std::string* line);
  Thread& thread_;
  bool edits_;
  std::string history_file_;
};

}  // namespace mp
