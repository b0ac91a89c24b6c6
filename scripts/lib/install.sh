# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# need PACKAGE...: installs what of it is missing, by apt, as root or through sudo; says so. Does
# nothing when all is there. Returns 1 when it cannot.
need() {
	local missing=() package
	for package in "$@"; do
		if [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" != installed ]; then
			missing+=("$package")
		fi
	done
	[ ${#missing[@]} -eq 0 ] && return 0
	local root=()
	if [ "$(id -u)" -ne 0 ]; then
		root=(sudo)
	fi
	echo "installing ${missing[*]}"
	local log
	log=$(mktemp)
	if ! { "${root[@]}" apt-get update -q &&
		"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
		tail -20 "$log" >&2
		echo "could not install ${missing[*]}" >&2
		rm -f "$log"
		return 1
	fi
	rm -f "$log"
}

# The packages that building and running needs; README and cmake/dependencies.cmake name the same.
# Read by those who source this file.
# shellcheck disable=SC2034
{
	BUILD_PACKAGES=(gcc libc6-dev make cmake pkg-config libuv1-dev libfdt-dev)
	TEST_PACKAGES=("${BUILD_PACKAGES[@]}" ninja-build libcmocka-dev python3 e2fsprogs device-tree-compiler)
	QUICK_PACKAGES=("${BUILD_PACKAGES[@]}" libcmocka-dev python3 git g++ clang-format clang-tidy shellcheck)
	CHECK_PACKAGES=("${TEST_PACKAGES[@]}" "${QUICK_PACKAGES[@]}" clang valgrind gcc-arm-none-eabi
		gcc-s390x-linux-gnu libc6-dev-s390x-cross lld qemu-user libcbor-dev
		gcc-riscv64-unknown-elf gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-system-arm tshark groff-base
		passt qemu-system-common qemu-system-x86 busybox-static cpio nbdkit nbdkit-plugin-dev libnbd-bin fio chromium)
	# what a gate skips clearly when a distribution does not have it
	OPTIONAL_PACKAGES=(linux-source xz-utils)
}

# A hundred small programs: make takes a sixth of the build for itself. A folder that is there already keeps
# its generator.
if command -v ninja >/dev/null; then
	export CMAKE_GENERATOR=Ninja
fi
