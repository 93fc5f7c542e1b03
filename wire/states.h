/* SPDX-License-Identifier: Apache-2.0
 *
 * States, flags and reasons as numbers of the wire.  The same in all eight
 * releases unless a comment says otherwise. */
#ifndef WIRE_STATES_H
#define WIRE_STATES_H

#define BIT(n) (1u << (n))
#define BIT64(n) (1ull << (n))

/* ---- jobs -------------------------------------------------------------- */
enum job_base_state {
	JOB_PENDING, JOB_RUNNING, JOB_SUSPENDED, JOB_COMPLETE, JOB_CANCELLED, JOB_FAILED,
	JOB_TIMEOUT, JOB_NODE_FAIL, JOB_PREEMPTED, JOB_BOOT_FAIL, JOB_DEADLINE, JOB_OOM,
	JOB_STATE_END
};
#define JOB_STATE_BASE    0x000000ffu
#define JOB_LAUNCH_FAILED BIT(8)
#define JOB_REQUEUE       BIT(10)
#define JOB_REQUEUE_HOLD  BIT(11)
#define JOB_SPECIAL_EXIT  BIT(12)
#define JOB_RESIZING      BIT(13)
#define JOB_CONFIGURING   BIT(14)
#define JOB_COMPLETING    BIT(15)
#define JOB_STOPPED       BIT(16)
#define JOB_RECONFIG_FAIL BIT(17)
#define JOB_POWER_UP_NODE BIT(18)
#define JOB_REVOKED       BIT(19)
#define JOB_RESV_DEL_HOLD BIT(21)
#define JOB_SIGNALING     BIT(22)
#define JOB_STAGE_OUT     BIT(23)

enum job_reason {
	WAIT_NO_REASON = 0, WAIT_PRIORITY = 1, WAIT_DEPENDENCY = 2, WAIT_RESOURCES = 3,
	WAIT_PART_NODE_LIMIT = 4, WAIT_PART_TIME_LIMIT = 5, WAIT_PART_DOWN = 6,
	WAIT_PART_INACTIVE = 7, WAIT_HELD = 8, WAIT_TIME = 9, WAIT_LICENSES = 10,
	WAIT_ASSOC_JOB_LIMIT = 11, WAIT_ASSOC_RESOURCE_LIMIT = 12, WAIT_ASSOC_TIME_LIMIT = 13,
	WAIT_RESERVATION = 14, WAIT_NODE_NOT_AVAIL = 15, WAIT_HELD_USER = 16,
	FAIL_DEFER = 18, FAIL_DOWN_PARTITION = 19, FAIL_DOWN_NODE = 20,
	FAIL_BAD_CONSTRAINTS = 21, FAIL_SYSTEM = 22, FAIL_LAUNCH = 23, FAIL_EXIT_CODE = 24,
	FAIL_TIMEOUT = 25, FAIL_INACTIVE_LIMIT = 26, FAIL_ACCOUNT = 27, FAIL_QOS = 28,
	WAIT_QOS_THRES = 29, FAIL_SIGNAL = 33 /* 23.02+ */, WAIT_CLEANING = 35,
	WAIT_PROLOG = 36, WAIT_QOS = 37, WAIT_ACCOUNT = 38, WAIT_DEP_INVALID = 39,
	WAIT_MAX_REQUEUE = 71, WAIT_ARRAY_TASK_LIMIT = 72, FAIL_DEADLINE = 167,
	WAIT_PART_CONFIG = 178, FAIL_OOM = 181, WAIT_PN_MEM_LIMIT = 182, WAIT_RESV_DELETED = 198
};

/* job_desc bitflags and job bit flags */
#define KILL_INV_DEP       BIT64(0)
#define NO_KILL_INV_DEP    BIT64(1)
#define HAS_STATE_DIR      BIT64(2)
#define BACKFILL_TEST      BIT64(3)
#define GRES_ENFORCE_BIND  BIT64(4)
#define TEST_NOW_ONLY      BIT64(5)
#define SPREAD_JOB         BIT64(8)
#define SPREAD_SEGMENTS    BIT64(43)
#define USE_MIN_NODES      BIT64(9)
#define JOB_KILL_HURRY     BIT64(10)
#define TRES_STR_CALC      BIT64(11)
#define HET_JOB_FLAG       BIT64(13)
#define JOB_NTASKS_SET     BIT64(14)
#define JOB_CPUS_SET       BIT64(15)
#define BF_WHOLE_NODE_TEST BIT64(16)
#define TOP_PRIO_TMP       BIT64(17)
#define GRES_DISABLE_BIND  BIT64(19)
#define JOB_WAS_RUNNING    BIT64(20)
#define RESET_ACCRUE_TIME  BIT64(21)
#define JOB_MAGNETIC       BIT64(30)       /* drawn into its reservation */
#define CRON_JOB           BIT64(22)
#define JOB_MEM_SET        BIT64(23)
#define EXTERNAL_JOB       BIT64(24)
#define USE_DEFAULT_ACCT   BIT64(25)
#define USE_DEFAULT_PART   BIT64(26)
#define USE_DEFAULT_QOS    BIT64(27)
#define USE_DEFAULT_WCKEY  BIT64(28)
#define JOB_DEPENDENT      BIT64(29)
#define BACKFILL_SCHED     BIT64(32)
#define BACKFILL_LAST      BIT64(33)
#define STEPMGR_ENABLED    BIT64(41)

#define READY_NODE_STATE   BIT(0)
#define READY_JOB_STATE    BIT(1)
#define READY_PROLOG_STATE BIT(2)

#define SHOW_ALL           BIT(0)
#define SHOW_DETAIL        BIT(1)
#define SHOW_MIXED         BIT(3)
#define SHOW_LOCAL         BIT(4)
#define SHOW_FUTURE        BIT(7)

#define KILL_JOB_BATCH     BIT(0)
#define KILL_ARRAY_TASK    BIT(1)
#define KILL_STEPS_ONLY    BIT(2)
#define KILL_FULL_JOB      BIT(3)
#define KILL_FED_REQUEUE   BIT(4)
#define KILL_HURRY         BIT(5)
#define KILL_OOM           BIT(6)
#define KILL_NO_SIBS       BIT(7)
#define KILL_JOB_RESV      BIT(8)
#define KILL_NO_CRON       BIT(9)
#define KILL_NO_SIG_FAIL   BIT(10)
#define KILL_JOBS_VERBOSE  BIT(11)
#define KILL_CRON          BIT(12)

/* ---- nodes ------------------------------------------------------------- */
enum node_base_state {
	NODE_STATE_UNKNOWN, NODE_STATE_DOWN, NODE_STATE_IDLE, NODE_STATE_ALLOCATED,
	NODE_STATE_ERROR, NODE_STATE_MIXED, NODE_STATE_FUTURE, NODE_STATE_END
};
#define NODE_STATE_BASE             0x0000000fu
#define NODE_STATE_EXTERNAL         BIT(4)
#define NODE_STATE_RES              BIT(5)
#define NODE_STATE_UNDRAIN          BIT(6)
#define NODE_STATE_CLOUD            BIT(7)
#define NODE_RESUME                 BIT(8)
#define NODE_STATE_DRAIN            BIT(9)
#define NODE_STATE_COMPLETING       BIT(10)
#define NODE_STATE_NO_RESPOND       BIT(11)
#define NODE_STATE_POWERED_DOWN     BIT(12)
#define NODE_STATE_FAIL             BIT(13)
#define NODE_STATE_POWERING_UP      BIT(14)
#define NODE_STATE_MAINT            BIT(15)
#define NODE_STATE_REBOOT_REQUESTED BIT(16)
#define NODE_STATE_REBOOT_CANCEL    BIT(17)
#define NODE_STATE_POWERING_DOWN    BIT(18)
#define NODE_STATE_DYNAMIC_FUTURE   BIT(19)
#define NODE_STATE_REBOOT_ISSUED    BIT(20)
#define NODE_STATE_PLANNED          BIT(21)
#define NODE_STATE_INVALID_REG      BIT(22)
#define NODE_STATE_POWER_DOWN       BIT(23)
#define NODE_STATE_POWER_UP         BIT(24)
#define NODE_STATE_POWER_DRAIN      BIT(25)
#define NODE_STATE_DYNAMIC_NORM     BIT(26)
#define NODE_STATE_BLOCKED          BIT(27)

/* ---- partitions -------------------------------------------------------- */
#define PARTITION_SUBMIT   0x01
#define PARTITION_SCHED    0x02
#define PARTITION_DOWN     PARTITION_SUBMIT
#define PARTITION_UP       (PARTITION_SUBMIT | PARTITION_SCHED)
#define PARTITION_DRAIN    PARTITION_SCHED
#define PARTITION_INACTIVE 0x00

#define PART_FLAG_DEFAULT        BIT(0)
#define PART_FLAG_HIDDEN         BIT(1)
#define PART_FLAG_NO_ROOT        BIT(2)
#define PART_FLAG_ROOT_ONLY      BIT(3)
#define PART_FLAG_REQ_RESV       BIT(4)
#define PART_FLAG_LLN            BIT(5)
#define PART_FLAG_EXCLUSIVE_USER BIT(6)
#define PART_FLAG_PDOI           BIT(7)
/* ... and each shifted left by 8 clears it in an update request. */
#define PART_FLAG_CLEAR_SHIFT    8

#define SHARED_FORCE       0x8000
#define JOB_SHARED_NONE    0
#define JOB_SHARED_OK      1
#define JOB_SHARED_USER    2
#define JOB_SHARED_MCS     3
#define JOB_SHARED_TOPO    4

/* SelectTypeParameters */
#define CR_CPU     0x0001
#define CR_SOCKET  0x0002
#define CR_CORE    0x0004
#define CR_ENFORCE_BINDING_GRES 0x0040
#define CR_BOARD   0x0008
#define CR_MEMORY  0x0010

/* select/cons_tres task distributions (task_dist); low bits */
#define DIST_CYCLIC              0x0001
#define DIST_BLOCK               0x0002
#define DIST_ARBITRARY           0x0003
#define DIST_PLANE               0x0004
#define DIST_NODE_MASK           0x000f
#define DIST_UNKNOWN             0x2000

#define PREEMPT_MODE_OFF     0x0000
#define PREEMPT_MODE_SUSPEND 0x0001
#define PREEMPT_MODE_REQUEUE 0x0002
#define PREEMPT_MODE_CANCEL  0x0008
#define PREEMPT_MODE_PRIORITY 0x2000
#define PREEMPT_MODE_WITHIN  0x4000
#define PREEMPT_MODE_GANG    0x8000

#define CPU_BIND_OFF         0x80000

#define PROLOG_FLAG_ALLOC    0x0001
#define PROLOG_FLAG_NOHOLD   0x0002
#define PROLOG_FLAG_CONTAIN  0x0004
#define PROLOG_FLAG_DEFER_BATCH 0x0020

/* RESPONSE_NODE_REGISTRATION flags in MESSAGE_NODE_REGISTRATION_STATUS */
#define SLURMD_REG_FLAG_CONFIGLESS 0x0001
#define SLURMD_REG_FLAG_RESP    0x0002

/* PrivateData */
#define PRIVATE_DATA_JOBS BIT(0)

/* flags of a step create request */
#define SSF_EXCLUSIVE    BIT(0)         /* CPUs not shared with other steps */
#define SSF_NO_KILL      BIT(1)
#define SSF_OVERCOMMIT   BIT(2)
#define SSF_WHOLE        BIT(3)         /* all of the job's CPUs of each node */
#define SSF_INTERACTIVE  BIT(4)
#define SSF_MEM_ZERO     BIT(5)         /* all memory, counted for nothing */
#define SSF_OVERLAP_FORCE BIT(6)
#define SSF_NO_SIG_FAIL  BIT(7)
#define SSF_EXT_LAUNCHER BIT(8)
#define SSF_ASYNC        BIT(12)        /* launched by the step manager: no srun stays */

#define OPEN_MODE_APPEND   1
#define OPEN_MODE_TRUNCATE 2

/* signals with a meaning of their own in kill requests */
#define SIG_OOM            253
#define SIG_TERM_KILL      991
#define SIG_REQUEUED       993
#define SIG_PREEMPTED      994
#define SIG_DEBUG_WAKE     995
#define SIG_TIME_LIMIT     996
#define SIG_ABORT          997
#define SIG_NODE_FAIL      998
#define SIG_FAILURE        999

#endif
