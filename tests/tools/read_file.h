// A whole file into memory.
#pragma once
#include <cstdio>
#include <string>

// "-" is standard input. False when it cannot be opened.
inline bool read_file(const std::string& path, std::string* out) {
  FILE* file = path == "-" ? stdin : std::fopen(path.c_str(), "rb");
  if (file == nullptr) return false;
  char buffer[65536];
  size_t got;
  while ((got = std::fread(buffer, 1, sizeof buffer, file)) > 0) out->append(buffer, got);
  if (file != stdin) std::fclose(file);
  return true;
}
