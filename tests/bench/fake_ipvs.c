/* Preloaded into keepalived: lets its checker run on a kernel without IPVS by answering every IPVS netlink request with
 * an acknowledgement. For measuring probes only; nothing is balanced. */
typedef int (*callback)(void *, void *);

static callback acknowledged;
static void *argument;

int genl_ctrl_resolve(void *sock, const char *name)
{
	(void)sock, (void)name;
	return 42;
}

int nl_socket_modify_cb(void *sock, int type, int kind, callback function, void *arg)
{
	(void)sock, (void)kind;
	if (type == 4) { /* NL_CB_ACK */
		acknowledged = function;
		argument = arg;
	}
	return 0;
}

int nl_send_auto(void *sock, void *message)
{
	(void)sock, (void)message;
	return 16;
}

int nl_send_auto_complete(void *sock, void *message)
{
	return nl_send_auto(sock, message);
}

int nl_recvmsgs_default(void *sock)
{
	(void)sock;
	if (acknowledged)
		acknowledged(0, argument);
	return 0;
}
