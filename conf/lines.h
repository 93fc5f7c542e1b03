/* SPDX-License-Identifier: Apache-2.0
 *
 * Words of the record lines (NodeName=... and so on) of slurm.conf and
 * gres.conf, all releases together. */
#ifndef CONF_LINES_H
#define CONF_LINES_H

#define NODE_WORDS(W) \
	W(BcastAddr) W(Boards) W(CoreSpecCount) W(CoresPerSocket) W(CpuBind) \
	W(CPUs) W(CPUSpecList) W(Feature) W(Features) W(Gres) W(GresConf) \
	W(MemSpecLimit) W(NodeAddr) W(NodeHostname) W(Parameters) W(Port) \
	W(Procs) W(RealMemory) W(Reason) W(RestrictedCoresPerGPU) W(Sockets) \
	W(SocketsPerBoard) W(State) W(SuspendTime) W(ThreadsPerCore) \
	W(TmpDisk) W(Topology) W(TRESWeights) W(Weight)

#define PART_WORDS(W) \
	W(AllocNodes) W(AllowAccounts) W(AllowGroups) W(AllowQos) \
	W(Alternate) W(CpuBind) W(DefCPUPerGPU) W(DefMemPerCPU) \
	W(DefMemPerGPU) W(DefMemPerNode) W(Default) W(DefaultTime) \
	W(DenyAccounts) W(DenyQos) W(DisableRootJobs) W(Exclusive) \
	W(ExclusiveTopo) W(ExclusiveUser) W(GraceTime) W(Hidden) W(LLN) \
	W(MaxCPUsPerNode) W(MaxCPUsPerSocket) W(MaxMemPerCPU) \
	W(MaxMemPerNode) W(MaxNodes) W(MaxTime) W(MinNodes) W(Nodes) \
	W(OverSubscribe) W(OverTimeLimit) W(PowerDownOnIdle) W(PreemptMode) \
	W(Priority) W(PriorityJobFactor) W(PriorityTier) W(QOS) W(ReqResv) \
	W(ResumeTimeout) W(RootOnly) W(SelectTypeParameters) W(Shared) \
	W(State) W(SuspendTime) W(SuspendTimeout) W(Topology) \
	W(TRESBillingWeights)

#define NODESET_WORDS(W) W(Feature) W(Nodes)
#define DOWN_WORDS(W)    W(Reason) W(State)
#define POWER_WORDS(W)   W(Location) W(Program)
#define HOST_WORDS(W)
/* Front-end nodes ended with 24.11. */
#define FRONTEND_WORDS(W) \
	W(AllowGroups) W(AllowUsers) W(DenyGroups) W(DenyUsers) \
	W(FrontendAddr) W(Port) W(Reason) W(State)
#define GRES_WORDS(W) \
	W(AutoDetect) W(Count) W(CPUs) W(Cores) W(File) W(Files) W(Flags) \
	W(Link) W(Links) W(MultipleFiles) W(Name) W(Type)

/* Kinds of record: the key it starts with, its words. */
#define LINE_KINDS(K) \
	K(NodeName, NODE) K(PartitionName, PART) K(NodeSet, NODESET) \
	K(DownNodes, DOWN) K(PowerAction, POWER) K(SlurmctldHost, HOST) \
	K(FrontendName, FRONTEND)

enum line_kind {
#define K(name, words) LINE_##words,
	LINE_KINDS(K)
#undef K
	LINE_GRES, LINE_KIND_COUNT
};

#define W_ENUM(prefix, w) prefix##_##w,
#define W(w) NODE_##w,
enum { NODE_WORDS(W) NODE_WORD_COUNT };
#undef W
#define W(w) PART_##w,
enum { PART_WORDS(W) PART_WORD_COUNT };
#undef W
#define W(w) NODESET_##w,
enum { NODESET_WORDS(W) NODESET_WORD_COUNT };
#undef W
#define W(w) DOWN_##w,
enum { DOWN_WORDS(W) DOWN_WORD_COUNT };
#undef W
#define W(w) POWER_##w,
enum { POWER_WORDS(W) POWER_WORD_COUNT };
#undef W
#define W(w) GRES_##w,
enum { GRES_WORDS(W) GRES_WORD_COUNT };
#undef W
#undef W_ENUM

#endif
