-- The same program as programs/spectral_norm.mp.
local function a(i, j) return 1.0 / ((i + j) * (i + j + 1) // 2 + i + 1) end
local function mul(v, transposed)
  local n, out = #v, {}
  for i = 1, n do
    local s = 0.0
    for j = 1, n do s = s + (transposed and a(j - 1, i - 1) or a(i - 1, j - 1)) * v[j] end
    out[i] = s
  end
  return out
end
local function work(n)
  local u, v = {}, nil
  for i = 1, n do u[i] = 1.0 end
  for _ = 1, 3 do
    v = mul(mul(u, false), true)
    u = mul(mul(v, false), true)
  end
  local vbv, vv = 0.0, 0.0
  for i = 1, n do vbv = vbv + u[i] * v[i]; vv = vv + v[i] * v[i] end
  return string.format("%.9f", (vbv / vv) ^ 0.5)
end

work(30)
local start = os.clock()
local result = work(400)
print("elapsed", os.clock() - start)
print("checksum", result)
