-- The same program as programs/mandelbrot.mp.
local function work(n)
  local inside = 0
  for py = 0, n - 1 do
    local ci = 2.0 * py / n - 1.0
    for px = 0, n - 1 do
      local cr = 3.0 * px / n - 2.0
      local zr, zi, i = 0.0, 0.0, 0
      while i < 50 do
        local r2, i2 = zr * zr, zi * zi
        if r2 + i2 > 4.0 then break end
        zi = 2.0 * zr * zi + ci
        zr = r2 - i2 + cr
        i = i + 1
      end
      if i == 50 then inside = inside + 1 end
    end
  end
  return inside
end

work(40)
local start = os.clock()
local result = work(460)
print("elapsed", os.clock() - start)
print("checksum", result)
