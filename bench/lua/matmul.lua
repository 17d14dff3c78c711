-- The same program as programs/matmul.mp.
local function work(n)
  local a, b, c = {}, {}, {}
  for i = 0, n - 1 do
    a[i], b[i], c[i] = {}, {}, {}
    for j = 0, n - 1 do a[i][j] = (i * j) % 7 + 0.5; b[i][j] = (i + j) % 5 - 1.0; c[i][j] = 0.0 end
  end
  local total = 0.0
  for i = 0, n - 1 do
    local ai, ci = a[i], c[i]
    for j = 0, n - 1 do
      local s = 0.0
      for k = 0, n - 1 do s = s + ai[k] * b[k][j] end
      ci[j] = s
      total = total + s
    end
  end
  return total
end

work(30)
local start = os.clock()
local result = work(170)
print("elapsed", os.clock() - start)
print("checksum", result)
