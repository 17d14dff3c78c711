-- The same program as programs/string_building.mp.
local function work(n)
  local total = 0
  for _ = 1, n do
    local s = ""
    for i = 0, 199 do s = s .. string.char(97 + i % 26) end
    local parts = {}
    for i = 1, 200, 2 do parts[#parts + 1] = s:sub(i, i) end
    local t = table.concat(parts)
    total = total + #(s .. t) + #table.concat({s, t, s, t, s, t}, "-")
  end
  return total
end

work(2200)
local start = os.clock()
local result = work(22000)
print("elapsed", os.clock() - start)
print("checksum", result)
