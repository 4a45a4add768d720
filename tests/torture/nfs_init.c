/* SPDX-License-Identifier: MIT */
/*
 * nfs_init - the first process of a guest that is NFSv4 server and client
 *
 * The kernel's server asks mountd what it exports to whom. Here nothing does
 * that: the answers are written to its caches beforehand, and never expire.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void
end(const char *what)
{
	printf("%s\n", what);
	sync();
	reboot(RB_POWER_OFF);
}

static void
check(int good, const char *what)
{
	if (good)
		return;
	printf("FAULT %s: %s\n", what, strerror(errno));
	end("END");
}

static void
load_modules(void)
{
	FILE *list = fopen("/modules", "r");
	char path[256];
	int fd;

	check(list != NULL, "/modules");
	while (fgets(path, sizeof(path), list)) {
		path[strcspn(path, "\n")] = '\0';
		fd = open(path, O_RDONLY);
		check(fd >= 0 &&
			(syscall(SYS_finit_module, fd, "", 0) == 0 ||
			    errno == EEXIST || errno == ENODEV),
		    path);
		close(fd);
	}
	fclose(list);
}

static void
tell(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	check(fd >= 0, path);
	check(write(fd, text, strlen(text)) == (ssize_t)strlen(text), path);
	close(fd);
}

static void
start_network(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct ifreq lo = { .ifr_name = "lo",
		.ifr_flags = IFF_UP | IFF_RUNNING };

	check(ioctl(fd, SIOCSIFFLAGS, &lo) == 0, "lo");
	close(fd);
}

static void
start_server(void)
{
	struct stat st;
	int i;

	for (i = 0; stat("/dev/vda", &st) < 0 && i < 3000; i++)
		usleep(10000);
	check(mount("/dev/vda", "/disk", "ext4", 0, NULL) == 0, "/disk");
	check(mount("nfsd", "/proc/fs/nfsd", "nfsd", 0, NULL) == 0, "nfsd");
	tell("/proc/fs/nfsd/versions", "-2 -3 +4 +4.1 +4.2\n");
	tell("/proc/fs/nfsd/nfsv4leasetime", "10\n");
	tell("/proc/fs/nfsd/nfsv4gracetime", "10\n");
	tell("/proc/net/rpc/auth.unix.ip/channel",
	    "nfsd 127.0.0.1 2147483647 local\n");
	tell("/proc/net/rpc/nfsd.export/channel",
	    "local /disk 2147483647 9218 65534 65534 0\n");
	tell("/proc/net/rpc/nfsd.fh/channel",
	    "local 1 \\x00000000 2147483647 /disk\n");
	tell("/proc/fs/nfsd/portlist", "tcp 2049\n");
	tell("/proc/fs/nfsd/threads", "4\n");
	tell("/proc/fs/nfsd/v4_end_grace", "Y\n");
}

static void
mount_from_server(const char *place)
{
	check(mount("127.0.0.1:/", place, "nfs4", 0,
		  "addr=127.0.0.1,clientaddr=127.0.0.1,vers=4.2,proto=tcp,"
		  "nosharecache") == 0,
	    place);
}

int
main(void)
{
	int status;

	setvbuf(stdout, NULL, _IONBF, 0);
	check(mount("dev", "/dev", "devtmpfs", 0, NULL) == 0, "/dev");
	check(mount("proc", "/proc", "proc", 0, NULL) == 0, "/proc");
	load_modules();
	start_network();
	start_server();
	/* They share no locks but those of the server. */
	mount_from_server("/mnt");
	mount_from_server("/mnt2");
	if (fork() == 0) {
		setenv("PATH", "/bin", 1);
		execl("/bin/sh", "sh", "/scenario", (char *)NULL);
		_exit(127);
	}
	check(wait(&status) > 0 && status == 0, "the scenario");
	end("END");
}
