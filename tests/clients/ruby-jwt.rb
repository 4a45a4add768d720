# SPDX-License-Identifier: MIT
# ruby-jwt - signs tokens with Debian's ruby-jwt; EdDSA is not in it

require "json"
require "jwt"
require "openssl"

tokens = JSON.parse($stdin.read).map do |job|
  JWT.encode(job["claims"], OpenSSL::PKey.read(job["key"]), job["alg"],
             job["header"])
end
$stdout.write(JSON.generate(tokens))
